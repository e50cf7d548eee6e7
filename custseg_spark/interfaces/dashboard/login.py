"""The page that asks for the password."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>custseg</title>
<style>
:root { --page: #f4f5f6; --panel: #ffffff; --ink: #1c2126; --line: #d5dade; --accent: #0072b2;
  --on-accent: #ffffff; --warn: #8a4b00; }
@media (prefers-color-scheme: dark) {
  :root { --page: #121519; --panel: #1b1f24; --ink: #e4e8ec; --line: #3c444d; --accent: #56b4e9;
    --on-accent: #121519; --warn: #ffc46b; }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0;
  min-height: 100vh; display: grid; place-items: center; padding: 1rem; }
form { background: var(--panel); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1.5rem; width: min(100%, 22rem); display: grid; gap: .75rem; }
h1 { font-size: 1.25rem; margin: 0; }
p { margin: 0; color: var(--warn); }
input, button { font: inherit; padding: .55rem .7rem; border-radius: .4rem; width: 100%; }
input { border: 1px solid var(--line); background: var(--page); color: var(--ink); }
button { border: 0; background: var(--accent); color: var(--on-accent); cursor: pointer; }
</style>
</head>
<body>
<form method="post" action="/login">
<h1>Customer segments</h1>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
  autofocus>
<!-- message -->
<button>Enter</button>
</form>
</body>
</html>
"""
_WRONG = '<p role="alert">That is not the password.</p>'


def login_page(was_wrong: bool = False) -> str:
    """Return the form as HTML, without anything that was typed."""
    return _PAGE.replace("<!-- message -->", _WRONG if was_wrong else "")
