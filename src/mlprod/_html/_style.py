"""How reports look: on a page of their own, in a notebook of any theme, on a phone and on paper."""

from typing import Final

__all__ = ["NOTEBOOK_STYLE", "PAGE_STYLE", "STYLE"]

# Text colour and background are those of what is around, so that a report fits any theme.
STYLE: Final = """
.mlprod-report {
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; max-width: 70em; overflow-wrap: anywhere }
.mlprod-report * { box-sizing: border-box }
.mlprod-report h1, .mlprod-report h2, .mlprod-report h3 { line-height: 1.25; margin: 0; font-weight: 600 }
.mlprod-report h1 { font-size: 1.6em }
.mlprod-report h2 { font-size: 1.2em }
.mlprod-report h3 { font-size: 1.05em }
.mlprod-report h2, .mlprod-report h3 { break-after: avoid }
.mlprod-report p { margin: .2em 0 }
.mlprod-report section { margin-top: 2em }
.mlprod-report section > :first-child { margin-bottom: .6em }
.mlprod-report .muted { opacity: .75 }
.mlprod-report .nowrap { white-space: nowrap }
.mlprod-report .better { color: var(--mlprod-better, #0072b2) }
.mlprod-report .worse { color: var(--mlprod-worse, #d55e00) }
.mlprod-report .tiles {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(10em, 1fr)); gap: .8em; margin: 1.4em 0 0 }
.mlprod-report .tiles div {
  border: 1px solid rgba(128, 128, 128, .4); border-radius: 8px; padding: .7em .9em; break-inside: avoid }
.mlprod-report dt, .mlprod-report dd { float: none; width: auto; padding: 0; margin: 0 }
.mlprod-report dt { opacity: .75; font-weight: 400 }
.mlprod-report dd { font-variant-numeric: tabular-nums }
.mlprod-report .value { font-size: 1.55em; font-weight: 600; line-height: 1.3 }
.mlprod-report .long { font-size: 1.15em; line-height: 1.75 }
.mlprod-report .change { font-size: .87em }
.mlprod-report .charts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25em), 1fr)); gap: 1.6em 2em }
.mlprod-report .charts svg { display: block; break-inside: avoid }
.mlprod-report .mlprod-series-0 { color: var(--mlprod-series-0, #0072b2) }
.mlprod-report .mlprod-series-1 { color: var(--mlprod-series-1, #d55e00) }
.mlprod-report .mlprod-series-2 { color: var(--mlprod-series-2, #009e73) }
.mlprod-report .mlprod-hit:hover { fill-opacity: .1 }
.mlprod-report ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .7em }
.mlprod-report li {
  border: 1px solid rgba(128, 128, 128, .4); border-left: 5px solid rgba(128, 128, 128, .8);
  border-radius: 6px; padding: .5em .9em; margin: 0; break-inside: avoid }
.mlprod-report li.critical { border-left-color: var(--mlprod-worse, #d55e00) }
.mlprod-report li.warning { border-left-color: #e69f00 }
.mlprod-report .wide { overflow-x: auto }
.mlprod-report table {
  border-collapse: collapse; border: 0; margin: 0; width: 100%;
  font-size: .93em; font-variant-numeric: tabular-nums }
.mlprod-report table.figures { width: auto; min-width: min(100%, 26em) }
.mlprod-report tr { break-inside: avoid; background: none }
.mlprod-report tbody tr:first-child { break-after: avoid }
.mlprod-report th, .mlprod-report td {
  padding: .28em .6em; text-align: right; vertical-align: top; font-weight: 400;
  border: 0; border-bottom: 1px solid rgba(128, 128, 128, .25); background: none }
.mlprod-report .wide th, .mlprod-report .wide td { overflow-wrap: break-word }
.mlprod-report td { white-space: nowrap }
.mlprod-report td .judged { display: inline-block; min-width: 4.3em; text-align: left; padding-left: .4em }
.mlprod-report thead th { font-weight: 600; border-bottom-width: 2px; white-space: nowrap }
.mlprod-report th:first-child { text-align: left; padding-left: 0 }
.mlprod-report th:last-child, .mlprod-report td:last-child { padding-right: 0 }
.mlprod-report tbody th[colspan] { font-weight: 600; padding-top: 1.1em }
.mlprod-report footer { margin-top: 2em; font-size: .87em; opacity: .75 }
"""

_DARK: Final = """{
  --mlprod-better: #56b4e9; --mlprod-worse: #ec7c34;
  --mlprod-series-0: #56b4e9; --mlprod-series-1: #e69f00; --mlprod-series-2: #2fc79b }"""

# A notebook's theme is not that of the system: JupyterLab and VS Code tell which one is on.
NOTEBOOK_STYLE: Final = f"""
[data-jp-theme-light="false"] .mlprod-report {_DARK}
.vscode-dark .mlprod-report {_DARK}
"""

PAGE_STYLE: Final = f"""
:root {{ color-scheme: light dark; --paper: #fff; --edge: rgba(0, 0, 0, .28) }}
body {{ margin: 0; background: var(--paper); color: #1c2024 }}
main {{ margin: 0 auto; padding: 28px 24px 40px }}
.mlprod-report .wide {{ background:
  linear-gradient(to right, var(--paper) 40%, transparent) 0 0 / 2.6em 100% local,
  linear-gradient(to left, var(--paper) 40%, transparent) 100% 0 / 2.6em 100% local,
  linear-gradient(to right, var(--edge), transparent) 0 0 / 1.1em 100% scroll,
  linear-gradient(to left, var(--edge), transparent) 100% 0 / 1.1em 100% scroll;
  background-repeat: no-repeat }}
@media (max-width: 480px) {{
  main {{ padding: 18px 14px 28px }}
  .mlprod-report .tiles {{ grid-template-columns: 1fr 1fr }}
  .mlprod-report th, .mlprod-report td {{ padding: .28em .3em; font-size: .9em }}
  .mlprod-report td .nowrap {{ white-space: normal }}
  .mlprod-report td .judged {{ display: block; text-align: right; padding: 0; min-width: 0 }} }}
@media screen and (prefers-color-scheme: dark) {{
  :root {{ --paper: #14171a; --edge: rgba(255, 255, 255, .3) }}
  body {{ background: var(--paper); color: #e4e7ea }}
  .mlprod-report {_DARK} }}
@page {{ margin: 14mm }}
@media print {{
  main {{ padding: 0 }}
  .mlprod-report .wide {{ background: none }}
  .mlprod-report {{ font-size: 12px; max-width: none }}
  .mlprod-report .tiles {{ grid-template-columns: repeat(3, 1fr) }}
  .mlprod-report .charts {{ grid-template-columns: 1fr 1fr }} }}
"""
