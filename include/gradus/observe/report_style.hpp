/// How the report looks: one style sheet for large screens, phones, the dark and paper.
#pragma once

#include <string_view>

namespace gradus::observe {

/// Runs are told apart by colour and by mark. The colours are those of Okabe and Ito, "Color
/// Universal Design" (2008), darkened or lightened where the page needs contrast, after a grey for
/// the baseline.
inline constexpr std::string_view report_style = R"css(
:root {
  color-scheme: light dark;
  --page: #fdfdfc; --text: #1b1b1a; --quiet: #66655f; --rule: #e4e3de; --faint: #f4f3f0;
  --best: #00704f; --warn: #b45309; --warn-page: #fdf6ec;
  --s0: #77766f; --s1: #0072b2; --s2: #d55e00; --s3: #00906a; --s4: #b3588f; --s5: #b58200;
  --s6: #3b93c4;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #151516; --text: #ecebe7; --quiet: #a09f98; --rule: #323234; --faint: #1e1e20;
    --best: #4cc9a0; --warn: #f0b060; --warn-page: #251f16;
    --s0: #a3a29b; --s1: #5cb3f0; --s2: #ff8a45; --s3: #35c79c; --s4: #e193c3; --s5: #e6b53c;
    --s6: #9cd3f5;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; max-width: 66rem; padding: 4.5rem 2rem 4rem; background: var(--page);
  color: var(--text); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif;
}
.kicker { margin: 0 0 1rem; color: var(--quiet); font-size: .875rem; }
h1 {
  margin: 0; max-width: 24em; font-size: 2.25rem; line-height: 1.2; font-weight: 600;
  letter-spacing: -.02em; text-wrap: balance; overflow-wrap: anywhere;
}
h2 { margin: 4rem 0 1.25rem; font-size: 1.25rem; font-weight: 600; letter-spacing: -.01em; }
.lead { margin: 1.25rem 0 0; max-width: 46rem; font-size: 1.125rem; color: var(--quiet);
  text-wrap: pretty; overflow-wrap: anywhere; }
.live { margin: 1.25rem 0 0; font-size: .875rem; color: var(--quiet); }
.small { max-width: 46rem; text-wrap: pretty; margin: 1rem 0 0; font-size: .875rem; color: var(--quiet); }
.notes {
  max-width: 46rem; margin: 2rem 0 0; padding: .9rem 1.25rem; background: var(--warn-page);
  border-left: 3px solid var(--warn); list-style: none; font-size: .9375rem;
  overflow-wrap: anywhere;
}
.notes li + li { margin-top: .4rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .7rem 0 .7rem 1.5rem; text-align: right; vertical-align: baseline; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
thead th { padding-top: 0; color: var(--quiet); font-size: .8125rem; font-weight: 500;
  vertical-align: bottom; }
tbody tr { border-top: 1px solid var(--rule); }
tbody tr:last-child { border-bottom: 1px solid var(--rule); }
tbody th { font-weight: 500; }
.results { margin-top: 3rem; }
.results tbody th { font-weight: 600; overflow-wrap: anywhere; min-width: 9rem; }
.results td, .results thead th { white-space: nowrap; }
.results small { display: block; color: var(--quiet); font-size: .8125rem; font-weight: 400; }
.results.ablation tbody th { min-width: 10rem; }
.ablation .bar { min-width: 8.5rem; padding-left: .75rem; }
.bar svg { display: inline-block; width: 100%; height: 14px; vertical-align: -2px; }
.bar .more { fill: var(--s1); } .bar .less { fill: var(--s2); }
.whisker { stroke: var(--text); }
.best { color: var(--best); font-weight: 650; }
.key { display: inline-block; width: .85em; height: .85em; margin-right: .55em;
  vertical-align: -.06em; overflow: visible; }
.scroll { overflow-x: auto; }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 3rem 2.5rem; }
.legend { display: flex; flex-wrap: wrap; gap: .4rem 1.75rem; margin: 0 0 1.75rem; padding: 0;
  list-style: none; font-size: .875rem; overflow-wrap: anywhere; }
figure { margin: 0; min-width: 0; max-width: 40rem; break-inside: avoid; }
figcaption { margin-bottom: .75rem; font-size: .9375rem; font-weight: 600; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 12px; fill: var(--quiet); font-variant-numeric: tabular-nums; }
svg .mid { text-anchor: middle; } svg .end { text-anchor: end; }
svg .name { font-weight: 600; }
figure .small { margin-top: .5rem; } .legend-note { margin: -.75rem 0 1.75rem; }
svg .halo { paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; }
.grid { stroke: var(--rule); } .axis { stroke: var(--quiet); }
.reference { stroke: var(--quiet); stroke-dasharray: 2 4; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.band { stroke: none; opacity: .18; }
.m { stroke: var(--page); stroke-width: 1.2; paint-order: stroke; }
.touch { fill: transparent; }
g:hover > .m { stroke: currentColor; stroke-width: 3; }
.curve.s0 { stroke: var(--s0); } .m.s0, .band.s0 { fill: var(--s0); } svg .t0 { fill: var(--s0); }
.curve.s1 { stroke: var(--s1); } .m.s1, .band.s1 { fill: var(--s1); } svg .t1 { fill: var(--s1); }
.curve.s2 { stroke: var(--s2); } .m.s2, .band.s2 { fill: var(--s2); } svg .t2 { fill: var(--s2); }
.curve.s3 { stroke: var(--s3); } .m.s3, .band.s3 { fill: var(--s3); } svg .t3 { fill: var(--s3); }
.curve.s4 { stroke: var(--s4); } .m.s4, .band.s4 { fill: var(--s4); } svg .t4 { fill: var(--s4); }
.curve.s5 { stroke: var(--s5); } .m.s5, .band.s5 { fill: var(--s5); } svg .t5 { fill: var(--s5); }
.curve.s6 { stroke: var(--s6); } .m.s6, .band.s6 { fill: var(--s6); } svg .t6 { fill: var(--s6); }
.setup { font-size: .9375rem; }
.setup th, .setup td { padding: .5rem 0 .5rem 1.75rem; text-align: left; vertical-align: top;
  overflow-wrap: break-word; min-width: 9rem; max-width: 18rem; }
.setup th:first-child { padding-left: 0; min-width: 7.5rem; width: 15rem; font-weight: 500;
  color: var(--quiet); }
.setup thead th { color: var(--text); font-size: .9375rem; font-weight: 600; }
.setup tbody tr.group { border-top: 0; }
.setup tbody tr.group th { padding-top: 1.75rem; color: var(--text); font-weight: 600; }
.setup tbody:first-of-type tr.group th { padding-top: .25rem; }
.setup small { display: block; color: var(--quiet); font-size: .8125rem; line-height: 1.5; }
.setup .as-baseline { color: var(--quiet); }
.facts-list { display: grid; grid-template-columns: minmax(9rem, auto) 1fr; margin: 0;
  font-size: .9375rem; }
.facts-list dt, .facts-list dd { margin: 0; padding: .5rem 0; border-top: 1px solid var(--rule); }
.facts-list dt { padding-right: 2rem; color: var(--quiet); }
.facts-list dd { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
details { border-top: 1px solid var(--rule); }
details:last-of-type { border-bottom: 1px solid var(--rule); }
summary { padding: .7rem 0; cursor: pointer; font-weight: 600; overflow-wrap: anywhere; }
pre { margin: 0 0 1.25rem; padding: 1rem 1.25rem; overflow-x: auto; background: var(--faint);
  font: .8125rem/1.7 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono",
  "Liberation Mono", monospace; }
footer { margin-top: 4rem; color: var(--quiet); font-size: .8125rem; max-width: 46rem; }
@media screen and (max-width: 58rem) { .charts { grid-template-columns: 1fr; gap: 2.25rem; } }
@media screen and (max-width: 44rem) {
  body { padding: 2.5rem 1.25rem 3rem; }
  h1 { font-size: 1.625rem; }
  .lead { font-size: 1rem; }
  h2 { margin-top: 3rem; }
  .results { margin-top: 2.25rem; }
  .results thead { display: none; }
  .results, .results tbody, .results tr, .results th, .results td { display: block; }
  .results tr { padding: .9rem 0; }
  .results tbody th, .results td { padding: .15rem 0; }
  .results td { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: .875rem; }
  .results td span { margin-left: auto; }
  .results td small { display: inline; margin-left: -.6rem; font-size: .875rem; }
  .ablation td.none { display: none; }
  .ablation .bar { padding: 0 0 .4rem; }
  .results td::before { content: attr(data-label); color: var(--quiet); }
  svg text { font-size: 14px; }
  .facts-list { grid-template-columns: 1fr; }
  .facts-list dt { padding: .6rem 0 0; font-size: .8125rem; }
  .facts-list dd { padding: 0 0 .6rem; border-top: 0; }
}
@media print {
  :root { color-scheme: light; --page: #fff; }
  html { font-size: 12px; }
  body { max-width: none; padding: 0; font-size: 1rem; }
  h2 { margin-top: 2.5rem; } h2, .legend { break-after: avoid; }
  .charts { grid-template-columns: 1fr 1fr; gap: 1.5rem; }
  tr, details { break-inside: avoid; }
  pre { white-space: pre-wrap; font-size: .75rem; }
  .scroll { overflow: visible; }
}
)css";

}  // namespace gradus::observe
