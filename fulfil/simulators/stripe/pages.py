"""The look of the simulator's own pages: plain, readable, usable by keyboard and on a telephone."""

from html import escape

from starlette.responses import HTMLResponse, Response

STYLE = """
:root { color-scheme: light; --ink: #1a1f36; --quiet: #4f566b; --line: #c1c9d2; --accent: #4338ca; --bad: #a3123a; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink); margin: 0;
  min-height: 100vh; background: linear-gradient(160deg, #eef2ff 0, #f6f9fc 45%, #f6f9fc 100%); padding: 2.5rem 1rem; }
main { max-width: 27rem; margin: 0 auto; background: #fff; padding: 2rem; border-radius: 14px;
  border: 1px solid #e3e8ee; box-shadow: 0 12px 32px -12px rgb(26 31 54 / 25%); }
.brand { display: flex; align-items: center; gap: .6rem; font-weight: 600; margin: 0 0 1.5rem; }
.brand svg { width: 1.75rem; height: 1.75rem; flex: none; }
.tag { margin-left: auto; font-size: .75rem; font-weight: 600; letter-spacing: .03em; background: #fff3cd;
  color: #6b4e00; padding: .15rem .55rem; border-radius: 99px; }
h1 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 .5rem; }
p { margin: 0 0 1rem; }
.amount { font-size: 2.1rem; font-weight: 650; letter-spacing: -.02em; margin: .5rem 0 1.25rem; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: .35rem 1rem; margin: 0 0 1.5rem; font-size: .95rem; }
.facts dt { color: var(--quiet); } .facts dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
label { display: block; font-size: .9rem; font-weight: 550; margin: 0 0 .3rem; }
.field { margin: 0 0 1rem; } .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
input[type=text], input[type=email], select { font: inherit; width: 100%; padding: .65rem .75rem; border-radius: 8px;
  border: 1px solid var(--line); background: #fff; color: inherit; }
input[aria-invalid=true] { border-color: var(--bad); }
:focus-visible { outline: 3px solid #a5b4fc; outline-offset: 1px; border-color: var(--accent); }
.hint { font-size: .85rem; color: var(--quiet); margin: .3rem 0 0; }
button { font: inherit; font-weight: 600; width: 100%; padding: .75rem 1rem; margin-top: .75rem; border-radius: 8px;
  cursor: pointer; border: 1px solid var(--accent); background: var(--accent); color: #fff; }
button:hover { filter: brightness(1.08); }
button[disabled] { opacity: .6; cursor: progress; }
button.second { background: #fff; color: var(--accent); }
button.bad { background: #fff; color: var(--bad); border-color: var(--bad); }
.error { background: #fdf0f3; color: var(--bad); border: 1px solid #f3c3d0; border-radius: 8px; padding: .7rem .9rem;
  margin: 0 0 1rem; }
.check { display: flex; gap: .6rem; align-items: flex-start; font-weight: 400; }
.check input { margin-top: .35rem; width: 1rem; height: 1rem; }
details { margin-top: 1.5rem; font-size: .9rem; } summary { cursor: pointer; color: var(--quiet); }
table { border-collapse: collapse; width: 100%; margin-top: .5rem; } td { padding: .25rem 0; vertical-align: top; }
td button { width: auto; margin: 0; padding: .1rem .4rem; font: .85rem ui-monospace, monospace; background: #f6f9fc;
  color: var(--ink); border-color: #e3e8ee; }
small { display: block; color: var(--quiet); margin-top: 1.25rem; overflow-wrap: anywhere; }
@media (max-width: 26rem) { main { padding: 1.25rem; } .pair { grid-template-columns: 1fr; gap: 0; } }
"""
LOGOS = {
    "bank": '<path d="M4 10 14 4l10 6v2H4zm2 4h3v7H6zm6.5 0h3v7h-3zm6.5 0h3v7h-3zM4 23h20v2.5H4z"/>',
    "card": '<path d="M5 6h18a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3H5a3 3 0 0 1-3-3V9a3 3 0 0 1 3-3zm-3 5v3h24v-3z"/>',
    "person": '<path d="M14 3a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM4 25c0-5.5 4.500-9 10-9s10 3.5 10 9z"/>',
}


def page(title: str, logo: str, name: str, content: str, status: int = 200) -> Response:
    """A whole page; `content` is HTML, `title` and `name` are text."""
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body><main>
<p class="brand"><svg viewBox="0 0 28 28" fill="#4338ca" aria-hidden="true">{LOGOS[logo]}</svg>{escape(name)}
<span class="tag">Test mode</span></p>
{content}
</main></body>
</html>"""
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})


def note(title: str, text: str, logo: str, name: str, status: int = 200) -> Response:
    """A page that only says something."""
    return page(title, logo, name, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>", status)
