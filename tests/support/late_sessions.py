"""A log of unnamed sessions whose late events join, begin and rename sessions over midnight."""

from datetime import datetime, timedelta

# What a log of unnamed sessions holds at first, and what comes late, file by file. All in
# February 2021, by customer: the times.
CHAIN = [str(datetime(2021, 2, 3, 22) + n * timedelta(minutes=25)) for n in range(80)]
BASE = {
    # Two days of events without a gap: one late event at their beginning renames them all.
    "chain": ["2021-02-03 21:10:00", *CHAIN],
    # The last session of the day before goes on into the next day under a new id, although
    # neither the last event of the one nor the first of the other has changed.
    "tail": ["2021-02-06 22:50:00", "2021-02-06 23:40:00", "2021-02-07 00:05:00"],
    # Joins the session of the day before, and what followed it.
    "front": ["2021-02-01 23:50:00", "2021-02-02 00:30:00", "2021-02-02 01:20:00"],
    # Two sessions with midnight between them become one.
    "joined": ["2021-02-08 23:20:00", "2021-02-09 00:15:00", "2021-02-09 00:50:00"],
    # The late event becomes the beginning of the next day's first session.
    "begun": ["2021-02-09 00:20:00"],
    # Goes on over midnight, but no late event of its own: no reason to rebuild.
    "quiet": ["2021-02-03 23:50:00", "2021-02-04 00:10:00", "2021-02-02 23:50:00",
              "2021-02-03 00:10:00"],
    # Late in the middle of a day: nothing goes on anywhere.
    "noon": ["2021-02-06 12:00:00", "2021-02-05 12:00:00", "2021-02-10 23:45:00"],
}  # fmt: skip
LATE: tuple[dict[str, list[str]], ...] = (
    {
        "chain": ["2021-02-03 21:35:00"],
        "tail": ["2021-02-06 23:15:00"],
        "noon": ["2021-02-06 12:40:00"],
    },
    # Among late ones a day before all others, and a new day that goes on from the last one.
    {
        "joined": ["2021-02-08 23:48:00"],
        "begun": ["2021-02-08 23:55:00"],
        "front": ["2021-02-02 00:10:00", "2021-01-30 23:59:59"],
        "noon": ["2021-02-11 00:10:00"],
    },
)
REBUILT = (
    ["2021-02-03", "2021-02-04", "2021-02-05", "2021-02-06", "2021-02-07"],
    ["2021-01-30", "2021-02-02", "2021-02-08", "2021-02-09", "2021-02-11"],
)
