/** How the page of the description looks, in light and in dark: the fonts and colours of the reader's own system. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c2024, #e6e8eb);
  --quiet: light-dark(#60646c, #a0a6ae);
  --ground: light-dark(#ffffff, #15171a);
  --raised: light-dark(#f6f7f9, #1d2024);
  --line: light-dark(#e1e4e8, #2e3238);
  --accent: light-dark(#0b62c4, #6cb2ff);
  --good: light-dark(#18794e, #56c98f);
  --bad: light-dark(#b5341f, #ff9a86);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 5rem; max-width: 60rem;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  color: var(--text); background: var(--ground);
}
h1 { font-size: 2rem; line-height: 1.2; margin: 0; letter-spacing: -0.02em; }
h1 small { font-size: 1rem; font-weight: 400; color: var(--quiet); letter-spacing: 0; }
h2 { font-size: 1.25rem; margin: 3rem 0 1rem; padding-bottom: 0.35rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 0.5rem; }
p { margin: 0.5rem 0; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre, .path { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
code { overflow-wrap: anywhere; font-size: 0.875em; background: var(--raised); padding: 0.1em 0.3em; border-radius: 4px; }
pre {
  margin: 0.5rem 0; padding: 0.85rem 1rem; font-size: 0.8125rem; line-height: 1.5; overflow-x: auto;
  background: var(--raised); border: 1px solid var(--line); border-radius: 8px;
}
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 1rem 0 0; padding: 0; list-style: none; }
.quiet { color: var(--quiet); }
.lead { font-size: 1.0625rem; }
details { margin: 0 0 0.75rem; border: 1px solid var(--line); border-radius: 10px; }
summary {
  display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: baseline; padding: 0.65rem 1rem; cursor: pointer;
  list-style: none;
}
summary::-webkit-details-marker { display: none; }
summary:hover { background: var(--raised); border-radius: 10px; }
summary .quiet { margin-left: auto; }
details > div { padding: 0.25rem 1rem 1rem; border-top: 1px solid var(--line); }
.method {
  min-width: 3.6rem; font-weight: 600; font-size: 0.75rem; letter-spacing: 0.04em; text-transform: uppercase;
  color: var(--good);
}
.method.post { color: var(--accent); }
.path { font-weight: 600; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 0.9rem; }
th { text-align: left; font-weight: 600; color: var(--quiet); font-size: 0.8125rem; }
th, td { padding: 0.45rem 0.75rem 0.45rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
tr:last-child td { border-bottom: 0; }
td p { margin: 0 0 0.25rem; }
td:first-child { white-space: nowrap; }
.status { font-weight: 600; }
.s2 { color: var(--good); }
.s4, .s5 { color: var(--bad); }
:target { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 10px; }
@media (max-width: 40rem) { summary .quiet { margin-left: 0; flex-basis: 100%; } }
`;
