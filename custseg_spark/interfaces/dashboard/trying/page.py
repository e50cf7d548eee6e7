"""The steps of a try: file, mapping, features and k, run; and earlier tries."""

from collections.abc import Callable

import streamlit as st

from custseg_spark.errors import CustsegError
from custseg_spark.interfaces.dashboard.texts import bytes_text, plain
from custseg_spark.interfaces.dashboard.trying import job_view
from custseg_spark.interfaces.dashboard.trying.curves_view import choose_k, choose_preset
from custseg_spark.interfaces.dashboard.trying.desk import (
    DONE,
    SAMPLE,
    BusyError,
    Desk,
    RunRequest,
    Try,
)
from custseg_spark.interfaces.dashboard.trying.lake_choice import choose
from custseg_spark.interfaces.dashboard.trying.mapping_form import mapping_form, verdict
from custseg_spark.interfaces.dashboard.trying.mending import (
    Look,
    Mended,
    explained,
    look,
    mapping,
    save,
    tried,
)
from custseg_spark.interfaces.dashboard.trying.processes import shown, tail
from custseg_spark.interfaces.dashboard.trying.remembering import toggled
from custseg_spark.interfaces.dashboard.trying.upload_widget import upload_widget
from custseg_spark.interfaces.dashboard.trying.uploads import KINDS, Upload

ROUTE = "/api/uploads"
_UPLOAD, _PASS, _LOOK, _AGAIN = "try-upload", "try-pass", "try-look", "try-again"


def show_for(at: Desk) -> None:
    """Draw the page."""
    if at.running is not None and at.running.is_running:
        job_view.running(at)
        return
    upload = at.uploads.get(st.session_state.get(_UPLOAD, ""))
    _last_outcome(at, upload)
    if upload is None:
        _ask_for_file(at)
    else:
        _with_upload(at, upload)
    _earlier(at)


def _ask_for_file(at: Desk) -> None:
    st.write(
        "Bring a log of views, carts and purchases, or of orders. It is segmented on this machine,"
        " into a lake of its own unless you say otherwise."
    )
    if _PASS not in st.session_state or not at.uploads.admits(st.session_state[_PASS]):
        st.session_state[_PASS] = at.uploads.new_pass()

    def uploaded(id_: str) -> None:
        st.session_state[_UPLOAD] = id_

    upload_widget(ROUTE, st.session_state[_PASS], at.uploads.room(), uploaded)


def _with_upload(at: Desk, upload: Upload) -> None:
    st.subheader("1. The file", anchor=False)
    left, right = st.columns([4, 1], vertical_alignment="center")
    kind = KINDS[upload.kind]
    left.markdown(f"**{plain(upload.name)}**, {kind}, {bytes_text(upload.bytes)}")
    if right.button("Remove the file", key="remove-upload"):
        at.uploads.remove(upload.id)
        st.rerun()
    try:
        seen = _look(upload)
        st.subheader("2. What its columns are", anchor=False)
        mended = _mend(upload, seen)
    except CustsegError as error:
        st.error(plain(explained(upload, error)), icon=":material/error:")
        return
    if mended is not None:
        _features_and_run(at, upload, seen, mended)


def _look(upload: Upload) -> Look:
    kept = st.session_state.get(_LOOK)
    if kept is None or kept[0] != upload.id:
        with st.spinner("Looking at the first records …"):
            kept = st.session_state[_LOOK] = (upload.id, look(upload))
    looked: Look = kept[1]
    return looked


def _mend(upload: Upload, seen: Look) -> Mended | None:
    """Return the corrected mapping, or None if it can't be used yet."""
    for question in seen.guess.questions:
        st.info(plain(question), icon=":material/help:")
    mended = mapping_form(upload.id, seen)
    try:
        chosen = mapping(seen, mended)
    except CustsegError as error:
        st.warning(plain(explained(upload, error)), icon=":material/warning:")
        return None
    checked = tried(seen, chosen)
    verdict(checked, mended.share, len(seen.head.rows), seen.head.is_whole)
    return mended if checked.accepted else None


def _features_and_run(at: Desk, upload: Upload, seen: Look, mended: Mended) -> None:
    st.subheader("3. Features and k", anchor=False)
    preset = choose_preset(upload.id)
    k = None
    if _is_read(upload, mended):
        k = choose_k(upload.id, upload.folder / SAMPLE, preset)
    else:
        st.write("The curves over k need the file to be read once; without them the job chooses k.")
        if st.button("Read the file for the curves", key="read"):
            save(upload, seen, mended)
            st.session_state[f"read-{upload.id}"] = mended
            _start(lambda: at.read(upload))
    st.subheader("4. Run", anchor=False)
    into = toggled(
        f"{upload.id}-into",
        "Into the lake that the dashboard was started with",
        "Otherwise into a lake of its own, which can be removed.",
    )
    if st.button("Segment the customers", key="run", type="primary"):
        save(upload, seen, mended)
        _start(lambda: at.run(upload, RunRequest(preset, k, into)))


def _is_read(upload: Upload, mended: Mended) -> bool:
    """Whether the sample was read with the current mapping."""
    is_same = st.session_state.get(f"read-{upload.id}") == mended
    return is_same and (upload.folder / SAMPLE).exists()


def _start(start: Callable[[], object]) -> None:
    try:
        start()
    except BusyError as error:
        st.warning(str(error))
        return
    st.rerun()


def _last_outcome(at: Desk, upload: Upload | None) -> None:
    """Draw the outcome of the last process; a success disappears with the next file."""
    process, of = at.running, at.at
    if process is None or (upload is not None and of is not None and of.state == DONE):
        return
    if of is not None:
        job_view.outcome(of, "" if of.state == DONE else process.text())
        if of.state == DONE:
            _look_at(of, "look-last")
    elif process.is_cancelled:
        st.info("Reading the file was cancelled.")
    elif process.exit_code:
        last = process.text().strip().splitlines()[-1:] or ["it ended without a word"]
        st.error(plain(last[0].removeprefix("error: ")), icon=":material/error:")


def _look_at(of: Try, key: str) -> None:
    if st.button("Look at the result", key=key, on_click=choose, args=(of,), type="primary"):
        st.switch_page(st.session_state["pages"][""])


def _earlier(at: Desk) -> None:
    tries = at.tries()
    if not tries:
        return
    st.subheader("Earlier tries", anchor=False)
    for one in tries:
        _one_try(at, one)


def _one_try(at: Desk, one: Try) -> None:
    k = f"k = {one.k}" if one.k else "k chosen by the job"
    with st.expander(f"{plain(one.name)}, {one.at} UTC: {one.state}"):
        st.write(plain(f"Preset {one.preset or 'behaviour'}, {k}"))
        if one.message:
            st.write(plain(one.message))
        left, middle, right = st.columns(3)
        if one.state == DONE:
            with left:
                _look_at(one, f"look-{one.id}")
            if one.own_lake and middle.button("Other features or k", key=f"other-{one.id}"):
                st.session_state[_AGAIN] = one.id
        if right.button("Remove", key=f"remove-{one.id}"):
            at.remove(one)
            st.rerun()
        if st.session_state.get(_AGAIN) == one.id and one.state == DONE:
            _run_again(at, one)
        log = shown(tail(one.log))
        if log:
            st.code(log, language=None, height=200)


def _run_again(at: Desk, attempt: Try) -> None:
    """Draw the choice of other models for the same events, without the file."""
    preset, sample = choose_preset(attempt.id), attempt.folder / SAMPLE
    k = choose_k(attempt.id, sample, preset) if sample.exists() else None
    if st.button("Segment again", key=f"again-{attempt.id}", type="primary"):
        st.session_state.pop(_AGAIN)
        _start(lambda: at.run_again(attempt, RunRequest(preset, k)))
