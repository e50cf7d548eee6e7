"""The widget that sends a file to the upload route and shows the progress."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from custseg_spark.interfaces.dashboard.trying.upload_route import NAME_HEADER, PASS_HEADER

_HTML = """
<div class="drop">
  <label>
    <span class="choose">Choose a file</span>
    <span class="kinds">or drop it here: CSV, XLSX, Parquet or SQLite, <span class="most"></span></span>
    <input type="file" aria-label="File of events"
      accept=".csv,.txt,.tsv,.xlsx,.parquet,.db,.sqlite,.sqlite3">
  </label>
  <div class="sending" hidden>
    <progress max="1" value="0" aria-label="Upload"></progress>
    <span class="sent"></span>
    <button type="button">Cancel</button>
  </div>
  <p class="flaw" role="alert" hidden></p>
</div>
"""  # noqa: E501
_CSS = """
.drop { border: 1px dashed var(--st-border-color); border-radius: .5rem; padding: 1rem;
  background: var(--st-secondary-background-color); color: var(--st-text-color);
  font-family: var(--st-font); }
.drop.over { border-color: var(--st-primary-color); }
label { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: center; cursor: pointer; }
.choose { background: var(--st-primary-color); color: var(--st-background-color);
  padding: .45rem .9rem; border-radius: .4rem; }
label:focus-within .choose { outline: 3px solid var(--st-text-color); outline-offset: 2px; }
input { position: absolute; width: 1px; height: 1px; opacity: 0; }
.sending { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: center;
  margin-top: .75rem; }
.sending[hidden], .flaw[hidden] { display: none; }
progress { flex: 1 1 12rem; accent-color: var(--st-primary-color); }
.flaw { margin: .75rem 0 0; overflow-wrap: anywhere; }
button { font: inherit; padding: .3rem .8rem; border-radius: .4rem; cursor: pointer;
  border: 1px solid var(--st-border-color); background: none; color: inherit; }
"""
_JS = """
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".drop");
  const find = (name) => root.querySelector(name);
  const [input, sending, bar, sent, flaw] =
    ["input", ".sending", "progress", ".sent", ".flaw"].map(find);
  const size = (bytes) => (bytes / 1048576).toFixed(bytes < 10485760 ? 1 : 0) + " MiB";
  find(".most").textContent = "at most " + size(data.most);

  function fail(message) {
    root.request = null;
    sending.hidden = true;
    input.value = "";
    flaw.textContent = message;
    flaw.hidden = !message;
  }
  function refusal(request) {
    try { return JSON.parse(request.responseText).detail; } catch { return null; }
  }
  function send(file) {
    if (root.request || !file) return;
    if (file.size === 0) return fail("The file is empty.");
    if (file.size > data.most) {
      const room = "there is room for " + size(data.most);
      return fail("The file has " + size(file.size) + ": " + room + ".");
    }
    fail("");
    const request = root.request = new XMLHttpRequest();
    request.open("POST", data.url);
    request.setRequestHeader(data.passHeader, data.pass);
    request.setRequestHeader(data.nameHeader, encodeURIComponent(file.name));
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => {
      bar.value = event.loaded / file.size;
      sent.textContent = size(event.loaded) + " of " + size(file.size);
    };
    request.onload = () => {
      if (request.status !== 200) {
        return fail(refusal(request) || "The file wasn't taken (" + request.status + ").");
      }
      const id = JSON.parse(request.responseText).id;
      fail("");
      setTriggerValue("uploaded", id);
    };
    request.onerror = () => fail("The connection broke off; try again.");
    request.onabort = () => fail("The upload was cancelled.");
    bar.value = 0;
    sent.textContent = "";
    sending.hidden = false;
    request.send(file);
  }
  input.onchange = () => send(input.files[0]);
  find("button").onclick = () => root.request && root.request.abort();
  root.ondragover = (event) => { event.preventDefault(); root.classList.add("over"); };
  root.ondragleave = () => root.classList.remove("over");
  root.ondrop = (event) => {
    event.preventDefault();
    root.classList.remove("over");
    send(event.dataTransfer.files[0]);
  };
}
"""


def upload_widget(url: str, given_pass: str, most: int, on_upload: Callable[[str], None]) -> None:
    """Draw the widget; `on_upload` is called with the id of each complete upload."""

    def uploaded() -> None:
        id_ = (st.session_state.get("uploader") or {}).get("uploaded")
        if isinstance(id_, str):
            on_upload(id_)

    data: dict[str, Any] = {
        "url": url,
        "pass": given_pass,
        "passHeader": PASS_HEADER,
        "nameHeader": NAME_HEADER,
        "most": most,
    }
    component = st.components.v2.component("custseg_upload", html=_HTML, css=_CSS, js=_JS)
    component(key="uploader", data=data, on_uploaded_change=uploaded)
