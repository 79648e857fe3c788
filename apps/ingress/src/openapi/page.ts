/**
 * The description of the API as one page of HTML: no script, no font, no request of its own, so that it works
 * wherever the service does. It shows what the document says and knows nothing besides.
 */
import { createHash } from "node:crypto";
import type { DescribedAnswer, DescribedContent, DescribedOperation, OpenApiDocument } from "./document.js";
import { Html, html, prose } from "./html.js";
import type { Json } from "./schemas.js";
import { STYLE } from "./style.js";

/** Lets the page show its own style and do nothing else. */
export const PAGE_POLICY: string = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The policy holds a digest of what stands between the tags: nothing may be added there. */
const STYLE_ELEMENT: Html = new Html(`<style>${STYLE}</style>`);

export function renderPage(document: OpenApiDocument): string {
  const { info, tags, paths, components } = document;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${info.title}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <header>
          <h1>${info.title} <small>${info.version}</small></h1>
          <div class="lead">${prose(info.description)}</div>
          <nav>
            <ul>
              ${tags.map(({ name }) => html`<li><a href="#${name}">${name}</a></li>`)}
              <li><a href="#Schemas">Schemas</a></li>
              <li><a href="openapi.json">openapi.json</a></li>
            </ul>
          </nav>
        </header>
        <main>
          ${tags.map(({ name }) => renderTag(name, paths))}
          <h2 id="Schemas">Schemas</h2>
          ${Object.entries(components.schemas).map(([name, schema]) => renderSchema(name, schema))}
        </main>
      </body>
    </html>`;
  return page.text;
}

function renderTag(tag: string, paths: OpenApiDocument["paths"]): Html {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, operation]) => renderOperation(method, path, operation)),
  );
  return html`<h2 id="${tag}">${tag}</h2>
    ${operations}`;
}

function renderOperation(method: string, path: string, operation: DescribedOperation): Html {
  const isFirst = operation.requestBody !== undefined;
  return html`<details id="${operation.operationId}" ${isFirst ? new Html(" open") : undefined}>
    <summary>
      <span class="method ${method}">${method}</span><span class="path">${path}</span>
      <span class="quiet">${operation.summary}</span>
    </summary>
    <div>
      ${prose(operation.description)}
      ${operation.security.length > 1 ? html`<p class="quiet">Needs a key where the operator has set one.</p>` : undefined}
      ${operation.requestBody && renderBodies(operation.requestBody.content)}
      <h3>Answers</h3>
      <div class="wide">
        <table>
          <tr>
            <th>Status</th>
            <th>Meaning</th>
            <th>Body</th>
          </tr>
          ${Object.entries(operation.responses).map(([status, answer]) => renderAnswer(status, answer))}
        </table>
      </div>
    </div>
  </details>`;
}

function renderBodies(content: DescribedContent): Html[] {
  return Object.entries(content).map(
    ([mediaType, { schema, example }]) =>
      html`<h3>Body: <code>${mediaType}</code></h3>
        ${typeof schema["description"] === "string" ? prose(schema["description"]) : undefined}
        <pre>${shown(example)}</pre>`,
  );
}

function renderAnswer(status: string, { description, headers, content }: DescribedAnswer): Html {
  const bodies = Object.entries(content).map(
    ([mediaType, { schema }]) => html`<p>${renderType(schema)} <span class="quiet">${mediaType}</span></p>`,
  );
  const names = Object.keys(headers).filter((name) => name !== "X-Request-Id");
  return html`<tr>
    <td class="status s${status.slice(0, 1)}">${status}</td>
    <td>
      ${prose(description)}
      ${names.length > 0 ? html`<p class="quiet">With ${names.join(", ")}.</p>` : undefined}
    </td>
    <td>${bodies}</td>
  </tr>`;
}

function renderSchema(name: string, schema: Json): Html {
  const required = new Set(Array.isArray(schema["required"]) ? (schema["required"] as string[]) : []);
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Json>);
  return html`<details id="schema-${name}">
    <summary>
      <span class="path">${name}</span>
      <span class="quiet">${typeof schema["description"] === "string" ? schema["description"] : ""}</span>
    </summary>
    <div class="wide">
      <table>
        <tr>
          <th>Member</th>
          <th>Type</th>
          <th>Meaning</th>
        </tr>
        ${properties.map(([member, property]) => renderProperty(member, property, required.has(member)))}
      </table>
    </div>
  </details>`;
}

function renderProperty(name: string, property: Json, required: boolean): Html {
  // Of "this or null" the reader wants to know this.
  const [schema = property] = Array.isArray(property["anyOf"]) ? (property["anyOf"] as Json[]) : [];
  const { description, enum: values, "x-enumDescriptions": meanings } = schema;
  return html`<tr>
    <td><code>${name}</code></td>
    <td>${renderType(schema)}<br /><span class="quiet">${required ? "required" : "optional"}</span></td>
    <td>
      ${typeof description === "string" ? prose(description) : undefined}
      ${Array.isArray(values) ? renderValues(values as string[], (meanings ?? {}) as Record<string, string>) : undefined}
    </td>
  </tr>`;
}

function renderValues(values: readonly string[], meanings: Readonly<Record<string, string>>): Html[] {
  return values.map(
    (value) => html`<p><code>${value}</code> <span class="quiet">${meanings[value]}</span></p>`,
  );
}

function renderType(schema: Json): Html {
  const { $ref, type, items, format, maxLength, maxItems } = schema;
  if (typeof $ref === "string") {
    const name = $ref.slice($ref.lastIndexOf("/") + 1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (type === "array") {
    const most = typeof maxItems === "number" ? `, at most ${maxItems}` : "";
    return html`array of ${renderType((items ?? {}) as Json)}${most}`;
  }
  const most = typeof maxLength === "number" ? `, at most ${maxLength} characters` : "";
  if (Array.isArray(type)) return html`${type.join(" or ")}${most}`;
  return html`${typeof format === "string" ? format : typeof type === "string" ? type : "value"}${most}`;
}

function shown(example: unknown): string {
  return typeof example === "string" ? example : JSON.stringify(example, null, 2);
}
