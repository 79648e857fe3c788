/**
 * What documents, dashboards, rules and manifests mention of the code, and what the code itself names: metrics,
 * variables, alerts and their runbooks.
 *
 * Invariant: texts alone are looked at; what the code really has, the caller asks the code.
 */

/** A name, and where it was found. */
export interface Mention {
  name: string;
  path: string;
}

export interface TextFile {
  path: string;
  text: string;
}

/** Of a histogram Prometheus makes three series. */
const SERIES = /_(?:bucket|sum|count)$/;
const METRIC = /\b(?:collector|forwarder|nodejs|process)_[a-z][a-z0-9_]*\b/g;
/** Files of a name that begins like a metric's. */
const FILE_NAME = /\.(?:proto|ts|js|pb)$/;

/** Names of metrics, without what Prometheus adds to a histogram's. */
export function metricsIn(files: readonly TextFile[], known: ReadonlySet<string>): Mention[] {
  return mentions(files, METRIC).map(({ name, path }) => ({
    name: known.has(name) ? name : name.replace(SERIES, ""),
    path,
  }));
}

/** Names of metrics as the code writes them: whole strings. */
export function metricsNamedIn(files: readonly TextFile[]): Mention[] {
  return mentions(
    files,
    /(?<=name: "|gauge\("|counter\(\s*"|gauge\(\s*")(?:collector|forwarder)_[a-z0-9_]+(?=")/g,
  );
}

/** Variables that a manifest or an environment file sets: `NAME=…`, `NAME: …`, `- NAME=…`. */
export function variablesSetIn(files: readonly TextFile[]): Mention[] {
  return mentions(files, /(?<=^\s*(?:- |Environment=(?:\S+ )*)?)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?==|: )/gm);
}

/** Variables that a document speaks of: `NAME` in code, with an underscore. */
export function variablesIn(files: readonly TextFile[]): Mention[] {
  return mentions(files, /(?<=`)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?=`|=)/g);
}

/** Variables that code reads by their name, past any schema. */
export function variablesReadIn(files: readonly TextFile[]): Mention[] {
  return mentions(files, /(?<=process\.env(?:\.|\["))[A-Z][A-Z0-9_]*/g);
}

/** Alerts by name, with the anchor of the runbook that each leads to. */
export function alertsIn(rules: string): { name: string; anchor: string }[] {
  return [...rules.matchAll(/- alert: (\w+)[\s\S]*?runbook_url: \S+?OPERATING\.md#(\S+)/g)].map(
    ([, name = "", anchor = ""]) => ({ name, anchor }),
  );
}

/** Headings of the third level below one of the second. */
export function headingsBelow(document: string, title: string): string[] {
  const [, section = ""] = document.split(new RegExp(`^## ${title}$`, "m"));
  const [own = ""] = section.split(/^## /m);
  return [...own.matchAll(/^### (.+)$/gm)].map(([, heading = ""]) => heading);
}

/** The anchor that a heading gets when it is shown. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, "")
    .replaceAll(" ", "-");
}

function mentions(files: readonly TextFile[], pattern: RegExp): Mention[] {
  return files.flatMap(({ path, text }) => {
    const names = [...text.matchAll(pattern)]
      .filter(
        ({ index, 0: name }) =>
          !FILE_NAME.test(
            text.slice(index + name.length, index + name.length + 6).match(/^\.\w+/)?.[0] ?? "",
          ),
      )
      .map(([name]) => name);
    return [...new Set(names)].map((name) => ({ name, path }));
  });
}
