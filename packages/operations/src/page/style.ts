/** How the status page looks: light and dark, on a phone and on a wall. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --surface: #fff; --line: #dfe4ea; --ink: #131820; --quiet: #566070;
  --first: #7d8ca3; --first-fill: #7d8ca333; --second: #0b66c3; --accent: #0b66c3; --track: #e6eaef; --spent: #8c9bb0;
  --good: #0a6e3c; --good-ground: #e6f5ec; --good-line: #b5dec6;
  --warn: #7a4f00; --warn-ground: #fff3d6; --warn-line: #efd08b;
  --bad: #a81c14; --bad-ground: #fdeae8; --bad-line: #f2bcb7;
  --tone: var(--quiet); --tone-ground: var(--surface); --tone-line: var(--line);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1116; --surface: #161b22; --line: #2a313b; --ink: #e9edf2; --quiet: #9aa6b5;
    --first: #8494aa; --first-fill: #8494aa38; --second: #6cb2ff; --accent: #6cb2ff; --track: #262d37; --spent: #66758a;
    --good: #6fdc9f; --good-ground: #10261b; --good-line: #1f4a34;
    --warn: #f3c765; --warn-ground: #2a210d; --warn-line: #54431b;
    --bad: #ff9a91; --bad-ground: #2f1513; --bad-line: #632a26;
  }
}
:root[data-role="ingress"] { --first: var(--accent); --second: var(--bad); --first-fill: color-mix(in srgb, var(--accent) 16%, transparent); }
:root[data-state="healthy"] { --tone: var(--good); --tone-ground: var(--good-ground); --tone-line: var(--good-line); }
:root[data-state="degraded"] { --tone: var(--warn); --tone-ground: var(--warn-ground); --tone-line: var(--warn-line); }
:root[data-state="failing"], :root[data-state="unreachable"] {
  --tone: var(--bad); --tone-ground: var(--bad-ground); --tone-line: var(--bad-line);
}
* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
body {
  background: var(--ground); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
.page { max-width: 1080px; margin: 0 auto; padding: 20px 20px 28px; display: grid; gap: 16px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px; }
h1 { font-size: 17px; font-weight: 650; letter-spacing: -.01em; }
h1 small { font: inherit; color: var(--quiet); font-weight: 450; }
header p { color: var(--quiet); font-size: 13px; }
header p:last-child { margin-left: auto; }
h2 { font-size: 13px; font-weight: 600; color: var(--quiet); }
.letters { display: grid; gap: 12px; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; min-width: 0; }
.verdict {
  display: grid; grid-template-columns: auto 1fr; gap: 0 14px; align-items: center;
  background: var(--tone-ground); border-color: var(--tone-line);
}
.verdict svg { width: 40px; height: 40px; fill: none; stroke: var(--tone); stroke-width: 2.4; stroke-linecap: round; stroke-linejoin: round; grid-row: 1 / 3; align-self: start; }
.verdict svg path { display: none; }
[data-state="healthy"] .verdict .yes, [data-state="degraded"] .verdict .look,
[data-state="failing"] .verdict .no, [data-state="unreachable"] .verdict .no { display: inline; }
#state { color: var(--tone); font-size: 22px; line-height: 1.2; font-weight: 680; letter-spacing: -.015em; }
#lead { min-height: 1.45em; }
#problems { grid-column: 1 / 3; list-style: none; padding: 0; }
#problems:empty { display: none; }
#problems li { margin-top: 10px; padding-top: 10px; border-top: 1px solid var(--tone-line); }
#problems strong { display: block; font-weight: 620; overflow-wrap: anywhere; }
.tiles { display: grid; gap: 16px; grid-template-columns: repeat(4, minmax(0, 1fr)); }
.tiles p { font-size: 28px; line-height: 1.2; font-weight: 620; letter-spacing: -.02em; margin: 4px 0 0; white-space: nowrap; }
.tiles p small { font-size: 14px; font-weight: 450; letter-spacing: 0; color: var(--quiet); }
.tiles .note { font-size: 13px; font-weight: 450; letter-spacing: 0; color: var(--quiet); margin: 2px 0 0; min-height: 1.3em; }
.key { display: inline-block; width: 14px; height: 3px; border-radius: 2px; background: var(--second); vertical-align: middle; margin-right: 7px; position: relative; top: -1px; }
.key.area { height: 10px; background: var(--first-fill); border-top: 2px solid var(--first); border-radius: 1px; }
figure { display: grid; gap: 10px; }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 18px; align-items: baseline; font-size: 13px; color: var(--quiet); }
figcaption h2 { margin-right: auto; }
.plot { position: relative; height: 160px; padding-left: 52px; }
.plot svg { display: block; width: 100%; height: 100%; overflow: visible; }
.plot path { vector-effect: non-scaling-stroke; fill: none; stroke-width: 2; stroke-linejoin: round; }
.plot .grid { stroke: var(--line); stroke-width: 1; }
#line-0 { stroke: var(--first); stroke-width: 1.5; }
#line-1 { stroke: var(--second); }
#area { fill: var(--first-fill); stroke: none; }
#no-data span { background: var(--surface); padding: 0 10px; }
.plot > span { position: absolute; left: 0; width: 44px; text-align: right; font-size: 12px; color: var(--quiet); transform: translateY(-50%); }
.plot > span:nth-of-type(1) { top: 0; } .plot > span:nth-of-type(2) { top: 50%; } .plot > span:nth-of-type(3) { top: 100%; }
#no-data { position: absolute; inset: 0 0 0 52px; display: grid; place-items: center; color: var(--quiet); font-size: 13px; }
.time { display: flex; justify-content: space-between; padding-left: 52px; font-size: 12px; color: var(--quiet); }
.row { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 280px), 1fr)); }
.row > section { display: flex; flex-direction: column; gap: 12px; }
.figure { font-size: 22px; font-weight: 620; letter-spacing: -.015em; line-height: 1.25; }
.figure small { font-size: 14px; font-weight: 450; color: var(--quiet); letter-spacing: 0; }
.bar { display: flex; height: 10px; border-radius: 5px; background: var(--track); overflow: hidden; }
.bar div { height: 100%; transition: width .4s; }
#bar-pending { background: var(--accent); } #bar-delivered { background: var(--spent); }
dl { display: grid; grid-template-columns: 1fr auto; gap: 5px 0; }
dt { color: var(--quiet); padding-right: 12px; } dd { text-align: right; font-weight: 550; }
.dot { display: inline-block; width: 9px; height: 9px; border-radius: 3px; margin-right: 8px; background: var(--accent); }
.dot.spent { background: var(--spent); }
.sum dt::before { content: attr(data-sign); display: inline-block; width: 1.1em; color: var(--quiet); }
.sum .total { border-top: 1px solid var(--line); padding-top: 7px; margin-top: 2px; }
.sum dt.total { color: var(--ink); }
[data-balance="even"] :is(dd, p).total { color: var(--good); } [data-balance="uneven"] :is(dd, p).total, [data-alarm="true"] { color: var(--bad); }
.hint { color: var(--quiet); font-size: 13px; margin-top: auto; }
#reasons { list-style: none; padding: 0; display: grid; grid-template-columns: fit-content(50%) minmax(0, 1fr) auto; gap: 6px 14px; align-items: center; }
#reasons:empty { display: none; }
#reasons li { display: contents; }
#reasons code { overflow: hidden; text-overflow: ellipsis; }
#reasons i { height: 8px; border-radius: 4px; background: var(--track); overflow: hidden; }
#reasons i::before { content: ""; display: block; height: 100%; border-radius: 4px; background: var(--spent); }
${Array.from({ length: 20 }, (_, index) => `#reasons [data-share="${index + 1}"]::before { width: ${(index + 1) * 5}%; }`).join("\n")}
#reasons b { font-weight: 550; text-align: right; }
code { font: 13px/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
.wide { overflow-x: auto; }
abbr { text-decoration: none; }
caption { text-align: left; color: var(--quiet); font-size: 13px; font-weight: 600; padding: 6px 0 8px; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--quiet); padding: 0 14px 6px 0; }
td { border-top: 1px solid var(--line); padding: 6px 14px 6px 0; white-space: nowrap; }
th:last-child, td:last-child { text-align: right; padding-right: 0; color: var(--quiet); }
footer { display: flex; flex-wrap: wrap; gap: 6px 18px; font-size: 13px; color: var(--quiet); }
a { color: var(--accent); text-underline-offset: 2px; }
a:focus-visible, .wide:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 3px; }
[data-state="unreachable"] main > :not(.verdict) { opacity: .5; }
main { display: grid; gap: 16px; }
@media (max-width: 760px) {
  .page { padding: 14px 12px 24px; gap: 12px; } main, .tiles, .row { gap: 12px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tiles p { font-size: 24px; } .tiles .note { font-size: 13px; } .card { padding: 14px; }
  header p:last-child { margin-left: 0; width: 100%; }
  td:nth-child(3), th:nth-child(3) { text-align: right; padding-right: 0; }
  td:nth-child(4), th:nth-child(4) { display: none; }
  .plot, .time { padding-left: 44px; } .plot > span { width: 38px; } #no-data { left: 44px; }
}
@media (prefers-reduced-motion: reduce) { .bar div { transition: none; } }
`;
