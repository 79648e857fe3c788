/** The topics that events go to: one, or one for each type of event. */

const EVENT_TYPE = "{event_type}";

/** Of the topics that exist, those that the template of KAFKA_TOPIC can have made. */
export function eventTopics(
  template: string,
  existing: Iterable<string>,
  except: readonly string[],
): string[] {
  const [before = "", ...rest] = template.split(EVENT_TYPE);
  if (rest.length === 0) return [...existing].filter((name) => name === template);
  const after = rest.at(-1) ?? "";
  return [...existing].filter(
    (name) =>
      name.length > before.length + after.length &&
      name.startsWith(before) &&
      name.endsWith(after) &&
      !except.includes(name),
  );
}
