/**
 * Names made from an event: the topic it goes to and the key it carries.
 *
 * A template without placeholders costs nothing for each event.
 */

/** What a template can speak of. */
export interface TemplateValues {
  readonly learner_id: string;
  readonly event_type: string;
  readonly event_id: string;
}

export type Template = (values: TemplateValues) => string;

const PLACEHOLDER = /\{(learner_id|event_type|event_id)\}/g;
/** What Kafka allows in the name of a topic. */
const TOPIC_CHARACTERS_MAX = 249;

/** The key of a message. */
export function keyTemplate(template: string): Template {
  if (template === "{learner_id}") return (values) => values.learner_id;
  return (values) => template.replace(PLACEHOLDER, (_, name: keyof TemplateValues) => values[name]);
}

/** The topic of a message; characters that Kafka does not allow become underscores. */
export function topicTemplate(template: string): Template {
  if (!template.includes("{")) return () => template;
  return (values) =>
    template
      .replace(PLACEHOLDER, (_, name: keyof TemplateValues) => values[name].replace(/[^a-zA-Z0-9._-]/g, "_"))
      .slice(0, TOPIC_CHARACTERS_MAX);
}
