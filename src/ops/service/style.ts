/** The pages' one stylesheet: light and dark by the reader's own setting, contrast above 4.5 in both (WCAG 1.4.3). */
export const STYLE = `
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1b2430; --soft: #56616f; --line: #dde2e9; --link: #0b5cad;
  --strong: #0b5cad; --on-strong: #ffffff; --warn: #8a4b00; --warn-page: #fff4e2; --bad: #a3211b; --bad-page: #fdeceb;
  --good: #1a6b3c; --good-page: #e8f6ed; --code: #eef1f5 }
@media (prefers-color-scheme: dark) { :root {
  --page: #12161c; --card: #1a2028; --text: #e6eaf0; --soft: #a4afbd; --line: #303a47; --link: #7db7f5;
  --strong: #7db7f5; --on-strong: #10161d; --warn: #f3c27c; --warn-page: #33270f; --bad: #f5a09b; --bad-page: #381a19;
  --good: #8fd6a9; --good-page: #16301f; --code: #232b36 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
a { color: var(--link) } a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible,
textarea:focus-visible, pre:focus-visible, .scroll:focus-visible { outline: 3px solid var(--strong); outline-offset: 2px }
.skip { position: absolute; left: -999px } .skip:focus { left: 1rem; top: 1rem }
header { background: var(--card); border-bottom: 1px solid var(--line) }
header > div { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center }
header > div, main { max-width: 76rem; margin: 0 auto; padding: .75rem 1.25rem }
main { padding-bottom: 3rem }
.brand { font-weight: 700; text-decoration: none; color: var(--text) } header form { margin-left: auto; display: flex; gap: .75rem; align-items: center }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1rem 0 .25rem } h1.id { font-size: 1.3rem }
h2 { font-size: 1.15rem; margin: 0 0 .75rem }
.lead { color: var(--soft); margin: 0 0 1.25rem }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.1rem 1.25rem; margin: 0 0 1.25rem }
.narrow { max-width: 24rem; margin: 3rem auto } .two { display: grid; gap: 1.25rem; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); align-items: start }
@media (max-width: 56rem) { .two { grid-template-columns: minmax(0, 1fr) } }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .55rem .9rem .55rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
th { color: var(--soft); font-size: .85rem; font-weight: 600; white-space: nowrap } tr:last-child td { border-bottom: 0 }
.amount { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } td .id { white-space: nowrap } .time { white-space: nowrap; font-variant-numeric: tabular-nums }
code, pre, .id { font: .875rem/1.5 ui-monospace, monospace } .id { overflow-wrap: anywhere } .soft { color: var(--soft) }
pre { background: var(--code); padding: .75rem .9rem; border-radius: .4rem; overflow-x: auto; margin: .25rem 0 .75rem; white-space: pre-wrap; overflow-wrap: anywhere }
.tag { display: inline-block; border-radius: 1rem; padding: .05rem .65rem; font-size: .85rem; background: var(--code); white-space: nowrap }
.tag.warn, .note.warn { background: var(--warn-page); color: var(--warn) } .tag.bad, .note.bad { background: var(--bad-page); color: var(--bad) }
.tag.good, .note.good { background: var(--good-page); color: var(--good) } .note { border-radius: .4rem; padding: .7rem .9rem; margin: 0 0 1rem }
label { display: block; font-weight: 600; margin: .9rem 0 .25rem }
input, select, textarea { width: 100%; font: inherit; color: inherit; background: var(--page); border: 1px solid var(--soft); border-radius: .4rem; padding: .5rem .65rem }
textarea { min-height: 6rem } button { font: inherit; font-weight: 600; border: 0; border-radius: .4rem; padding: .55rem 1.1rem; background: var(--strong); color: var(--on-strong); cursor: pointer }
button.quiet { background: none; color: var(--link); border: 1px solid var(--line); padding: .3rem .8rem } .act { margin-top: 1.1rem }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem 1.25rem; margin: 0 } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
ol.time-line { list-style: none; margin: 0; padding: 0 } ol.time-line li { border-left: 3px solid var(--line); padding: 0 0 .9rem 1rem }
ol.time-line p { margin: 0 } ol.steps > li { margin-bottom: .6rem }
`
