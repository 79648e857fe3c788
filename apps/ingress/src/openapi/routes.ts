/** `/openapi.json` and `/docs`: the description of the API, made once. */
import type { RestHandler, Route } from "../http/app.js";
import { describeApi } from "./document.js";
import type { DescriptionOptions } from "./document.js";
import { PAGE_POLICY, renderPage } from "./page.js";

/** Paths of the description: they tell nobody anything about events, and a browser cannot show a key for a page. */
export const DESCRIPTION_PATHS: readonly string[] = ["/openapi.json", "/docs"];

export function descriptionRoutes(options: DescriptionOptions): Route[] {
  const document = describeApi(options);
  return [
    {
      method: "GET",
      path: "/openapi.json",
      handle: serve(JSON.stringify(document), { "content-type": "application/json" }),
    },
    {
      method: "GET",
      path: "/docs",
      handle: serve(renderPage(document), {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": PAGE_POLICY,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
      }),
    },
  ];
}

/** It changes with a restart only, and a restart is what nobody downstream hears of. */
function serve(body: string, headers: Readonly<Record<string, string>>): RestHandler {
  return (context) => context.body(body, 200, { ...headers, "cache-control": "no-cache" });
}
