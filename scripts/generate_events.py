"""Write a synthetic shop log with planted customer types, shaped as REES46's public logs.

One row is one event of one visitor: a view, a cart or a purchase (about 95 % are views), in the
nine REES46 columns. Products follow a Zipf law, prices are log-normal by category with discount
days, about 32 % of events have no category_code and 14 % no brand (both properties of the
product), traffic has a daily and a weekly rhythm, activity is heavy-tailed (half the customers
leave one to three events), and a few rows are exact duplicates.

Every customer belongs to one of seven types. A type is a centre of behaviour; each customer's
own parameters are drawn around it, so that neighbouring types overlap as people do. The planted
type goes to a second file (customer_id, planted_type), never to the log.

Two passes keep memory bounded (about 45 bytes a customer and a constant): blocks of customers
are drawn and spilled to one binary file a day, then each day is sorted by time and written. The
log comes out in time order, has exactly --events rows (duplicates included), and is the same for
the same arguments.
"""

import argparse
import datetime as dt
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import product as pairs
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

Array = npt.NDArray[Any]
Customers = dict[str, Array]  # parameter -> its value for each customer of a block

COLUMNS = {
    "event_time": "TEXT", "event_type": "TEXT", "product_id": "INTEGER", "category_id": "INTEGER",
    "category_code": "TEXT", "brand": "TEXT", "price": "REAL", "user_id": "INTEGER",
    "user_session": "TEXT",
}  # fmt: skip
KINDS = ("view", "cart", "purchase")
VIEW, CART, PURCHASE = range(3)
DAY_SECONDS = 86_400
MAX_DAYS, MAX_CUSTOMERS = 3_660, 400_000_000  # one spill file a day; user ids of nine digits

# Rows held at once: some 150 MB of temporary arrays in the first pass, less in the second.
BLOCK_EVENTS, WRITE_ROWS = 400_000, 200_000
SPILL_ROW = np.dtype("u4,u1,u4,u4,u8")
SPILL_ROW.names = ("second", "kind", "product", "customer", "session")

# Share of customers, then the centre of each parameter on the scale where people spread evenly:
# logs for sizes, logits for chances, probits for price, hours for the clock.
#   activity  events (relative)         session  events a session   cart   a view leads to a cart
#   buy       a cart leads to purchase  price    level in category  breadth  categories visited
#   revisit   return to known products  hour     preferred hour     bargain  look for discounts
#   last      end of the active window  span     its length (share of the log's days)
PARAMETERS = ("activity", "session", "cart", "buy", "price", "breadth", "revisit", "hour",
              "bargain", "last", "span")  # fmt: skip
TYPES = {
    #                  share  act  sess  cart   buy  price brdth revis  hour  barg  last  span
    "loyal":          (0.11, 0.3, 1.3, -2.3,  1.0,  0.9,  0.7,  0.8, 10.0, -3.0,  5.0, -0.05),
    "one_time":       (0.17, 0.0, 2.4, -5.5, -3.0,  0.1,  0.9, -0.8, 15.0, -3.0,  0.1, -3.00),
    "explorer":       (0.14, 0.1, 1.6, -5.5, -3.0,  0.2,  3.0, -3.0, 13.5, -3.0,  4.0, -0.30),
    "price_seeker":   (0.13, 0.1, 1.3, -2.9,  0.4, -1.1,  1.9, -1.5, 17.0,  1.0,  4.0, -0.30),
    "cart_abandoner": (0.13, 0.1, 1.6, -1.4, -3.0,  0.1,  1.4, -0.3, 21.5, -3.0,  4.0, -0.30),
    "lapsed":         (0.16, 0.1, 1.1, -3.6, -0.5,  0.0,  1.2, -0.8, 16.0, -3.0, -0.9, -1.30),
    "new":            (0.16, 0.1, 1.1, -3.6, -0.5,  0.1,  1.5, -1.5, 19.0, -3.0,  6.0, -1.85),
}  # fmt: skip
# Standard deviation of a customer around the type's centre; this is what makes types overlap.
SPREAD = np.array([0.8, 0.25, 0.4, 0.5, 0.35, 0.4, 0.5, 1.5, 0.6, 0.45, 0.35])
ENGAGED_SHARE, CASUAL_DROP = 0.145, 2.8  # most are casual: e ** 2.8 = 16 times fewer events
ONE_PURCHASE = {"one_time": 0.93, "new": 0.1, "lapsed": 0.1}  # chance of one planned purchase
LOOKS_FIRST = 8  # fewest events of a visitor whose planned purchase happens
PRICE_NOISE = 0.5  # probits an event strays from the customer's price level
KNOWN_PRODUCTS = 3  # favourites a customer returns to in each category

CATEGORIES, BRANDS = 300, 400
PRODUCTS = 40_000  # about; each category gets a part by its popularity
TIER_EDGES = np.array([-0.84, -0.25, 0.25, 0.84])  # quintiles of the standard normal
TIER_MIDDLES = np.array([-1.4, -0.53, 0.0, 0.53, 1.4])
CODE_NULL_SHARE, BRAND_NULL_SHARE = 0.32, 0.14  # of events, to resemble REES46's logs
SALE_DAYS = 2  # a product is on discount this many days in each of its own periods
BARGAIN_TRIES = 3  # products a bargain hunter looks over before giving up on a discount
WEEK = np.array([0.95, 0.96, 0.98, 1.0, 1.08, 1.12, 1.1])  # traffic, Monday to Sunday
HOUR_NOISE = 3.0  # hours a session strays from the customer's own; nights stay quiet
GAP_SECONDS = 70.0  # mean pause between two events of a session
CODES = {
    "electronics": "smartphone clocks tablet telephone headphone subwoofer tv camera",
    "computers": "notebook desktop ebooks peripherals.mouse peripherals.printer components.cpu",
    "appliances": "kitchen.washer kitchen.oven kitchen.kettle environment.vacuum iron",
    "apparel": "shoes shoes.keds shirt jeans costume scarf dress trousers glove",
    "furniture": "bedroom.bed living_room.sofa kitchen.table bathroom.bath universal.light",
    "construction": "tools.drill tools.saw tools.welding tools.light components.faucet",
    "sport": "bicycle ski tennis trainer snowboard",
}


class Options(argparse.Namespace):
    """What the command line asked for."""

    events: int
    customers: int
    days: int
    seed: int
    start: dt.date
    duplicates: float
    out: Path
    truth: Path


class Catalogue(NamedTuple):
    """The shop's products, in order of category, price tier and popularity."""

    popularity_cdf: Array  # by category, as are the next two
    first_product: Array
    tier_size: Array
    category: Array  # by product, as are all that follow
    cents: Array
    sale_cents: Array
    sale_period_days: Array
    code: pa.StringArray
    brand: pa.StringArray

    def on_sale(self, product: Array, day: Array) -> Array:
        # The product's own number shifts its sales, so that they do not all start on day one.
        return (product * 13 + day) % self.sale_period_days[product] < SALE_DAYS


def generator(seed: int, *stage: int) -> np.random.Generator:
    """An independent stream per stage, so that no stage's draws shift another's."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=stage))


def mix(values: Array, salt: int) -> Array:
    """Hash integers to 64 even bits (splitmix64's finaliser): lasting draws, stored nowhere."""
    z = (values.astype(np.uint64) + np.uint64(salt % 2**32 + 1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def null_mask(rng: np.random.Generator, weight: Array, share: float) -> Array:
    """Pick entries at random whose weights add up to about `share` of the whole."""
    order = rng.permutation(len(weight))
    mask = np.zeros(len(weight), dtype=bool)
    # The midpoint rule errs by half an entry at most, whichever entry is the last.
    middle = np.cumsum(weight[order]) - weight[order] / 2
    mask[order[middle < share * weight.sum()]] = True
    return mask


def make_catalogue(seed: int) -> Catalogue:
    """Draw the shop: the same for the same seed, whatever else is asked for."""
    rng = generator(seed, 0)
    popularity = 1.0 / np.arange(3, CATEGORIES + 3)  # the top one takes about 8 % of the views
    popularity /= popularity.sum()
    tier_size = np.maximum(3, (popularity * PRODUCTS / len(TIER_MIDDLES)).astype(np.int64))
    sizes = tier_size * len(TIER_MIDDLES)
    category = np.repeat(np.arange(CATEGORIES), sizes)
    count = len(category)
    first = np.cumsum(sizes) - sizes
    tier, rank = np.divmod(np.arange(count) - first[category], tier_size[category])
    views = popularity[category] * np.log((rank + 2) / (rank + 1)) / np.log(tier_size + 1)[category]
    codes = np.array([f"{top}.{leaf}" for top, text in CODES.items() for leaf in text.split()])
    code = codes[rng.permutation(CATEGORIES) % len(codes)][category]
    no_code = null_mask(rng, popularity, CODE_NULL_SHARE)[category]
    words = ["".join(pair) for pair in pairs("bdfgklmnprstvz", "aeiou", "lmnrstx", "aeio")]
    brand = (category * 7 + tier * 2 + 5 * rng.random(count) ** 2).astype(np.int64) % BRANDS
    names = pa.array(rng.permutation(words)[brand], mask=null_mask(rng, views, BRAND_NULL_SHARE))
    log_price = rng.normal(np.log(60.0), 1.1, CATEGORIES)[category]
    log_price += 0.55 * (TIER_MIDDLES[tier] + rng.normal(0, 0.12, count))
    cents = np.maximum(99, 100 * np.exp(log_price)).astype(np.int64)
    sale = (cents * rng.uniform(0.65, 0.9, count)).astype(np.int64)
    period = rng.integers(15, 41, count)
    return Catalogue(np.cumsum(popularity), first, tier_size, category, cents, sale, period,
                     pa.array(code, mask=no_code), names)  # fmt: skip


def make_crowd(options: Options, base_events: int) -> tuple[Array, Array]:
    """Each customer's type and number of events: one, and a part of the rest by activity."""
    rng, size = generator(options.seed, 1), options.customers
    table = np.array(list(TYPES.values()))
    ends = np.cumsum(table[:, 0]) / table[:, 0].sum()
    kind = np.searchsorted(ends[:-1], rng.random(size), side="right").astype(np.uint8)
    activity = table[kind, 1] + SPREAD[0] * rng.standard_normal(size)
    activity -= CASUAL_DROP * (rng.random(size) > ENGAGED_SHARE)
    reach = np.cumsum(np.exp(activity))
    # Differences of a rounded running total are whole and add up exactly.
    total = np.rint(reach * ((base_events - size) / reach[-1])).astype(np.int64)
    return kind, 1 + np.diff(total, prepend=np.int64(0)).astype(np.int64)


def draw_parameters(rng: np.random.Generator, kind: Array) -> Customers:
    """Each customer's own parameters, drawn around the centre of their type."""
    centres = np.array(list(TYPES.values()))[kind, 1:]
    drawn = centres + SPREAD * rng.standard_normal(centres.shape)
    parameters = dict(zip(PARAMETERS, drawn.T, strict=True))
    for name in ("cart", "buy", "revisit", "bargain", "last"):
        parameters[name] = 1.0 / (1.0 + np.exp(-parameters[name]))
    for name in ("session", "breadth", "span"):
        parameters[name] = np.exp(parameters[name])
    chances = np.array([ONE_PURCHASE.get(name, 0.0) for name in TYPES])
    return parameters | {"one_purchase": rng.random(len(kind)) < chances[kind]}


def draw_kinds(
    rng: np.random.Generator, customers: Customers, counts: Array, owner: Array
) -> tuple[Array, Array]:
    """The kind of each event and whether it opens a session; a session opens with a view."""
    size, first = len(owner), np.cumsum(counts) - counts
    opens = rng.random(size) < 1.0 / np.maximum(1.2, customers["session"])[owner]
    planned = customers["one_purchase"] & (counts >= LOOKS_FIRST)
    at = (first + 1 + (rng.random(len(counts)) * (counts - 2)).astype(np.int64))[planned]
    opens[at] = opens[at + 1] = False
    opens[first] = True
    cart = ~opens & (rng.random(size) < customers["cart"][owner])
    cart[1:] &= ~cart[:-1]
    cart[at], cart[at + 1] = True, False
    buys = rng.random(size) < customers["buy"][owner]
    buys[at + 1] = True
    kind = np.where(cart, CART, VIEW)
    kind[1:][cart[:-1] & ~cart[1:] & ~opens[1:] & buys[1:]] = PURCHASE
    return kind, opens


def draw_starts(
    rng: np.random.Generator, customers: Customers, who: Array, options: Options
) -> Array:
    """Seconds from the log's start to each session, inside its customer's active window."""
    weekday = (options.start.weekday() + np.arange(options.days)) % 7
    flow = np.concatenate([[0.0], np.cumsum(WEEK[weekday])])
    edges = np.arange(options.days + 1.0)
    begin = np.maximum(0.0, customers["last"] - customers["span"]) * options.days
    low = np.interp(begin, edges, flow)[who]
    high = np.interp(customers["last"] * options.days, edges, flow)[who]
    day = np.floor(np.interp(low + (high - low) * rng.random(len(who)), flow, edges))
    hour = (customers["hour"][who] + HOUR_NOISE * rng.standard_normal(len(who))) % 24
    starts: Array = (day * DAY_SECONDS + hour * 3_600).astype(np.int64)
    return starts


def draw_products(
    rng: np.random.Generator,
    customers: Customers,
    owner: Array,
    begin: int,
    day: Array,
    shop: Catalogue,
) -> Array:
    """A product for each event: a favourite category, a price tier, a rank by popularity."""
    size = len(owner)
    slot = (np.maximum(1.0, customers["breadth"])[owner] * rng.random(size) ** 1.3).astype(np.int64)
    taste = (owner + begin) * 4_096 + slot
    category = np.searchsorted(shop.popularity_cdf[:-1], mix(taste, 1) * 2.0**-64)
    level = customers["price"][owner] + PRICE_NOISE * rng.standard_normal(size)
    choices = shop.tier_size[category] + 1.0
    start = shop.first_product[category] - 1
    start += np.searchsorted(TIER_EDGES, level) * shop.tier_size[category]
    favourite = taste * KNOWN_PRODUCTS + rng.integers(0, KNOWN_PRODUCTS, size)
    is_revisit = rng.random(size) < customers["revisit"][owner]
    # floor((n + 1) ** uniform) is a Zipf rank: its chance falls as 1 / rank. The uniform stays
    # just below 1, which the last bits of a hash would round up to.
    pick = np.where(is_revisit, mix(favourite, 2) * 2.0**-64, rng.random(size)) * (1 - 1e-9)
    product = start + (choices**pick).astype(np.int64)
    hunting = rng.random(size) < customers["bargain"][owner]
    for _ in range(BARGAIN_TRIES):
        other = start + (choices ** rng.random(size)).astype(np.int64)
        product = np.where(hunting & ~shop.on_sale(product, day), other, product)
    return product


def draw_block(options: Options, shop: Catalogue, types: Array, counts: Array, begin: int) -> Array:
    """Generate all events of a block of customers; `begin` is the number of the first."""
    rng = generator(options.seed, 2, begin)
    customers = draw_parameters(rng, types)
    owner = np.repeat(np.arange(len(counts)), counts)
    kind, opens = draw_kinds(rng, customers, counts, owner)
    session = np.cumsum(opens) - 1
    elapsed = np.cumsum(1 + rng.exponential(GAP_SECONDS, len(owner)).astype(np.int64))
    elapsed -= elapsed[opens][session]
    lasts = elapsed[np.append(np.flatnonzero(opens)[1:], len(owner)) - 1]
    starts = draw_starts(rng, customers, owner[opens], options)
    starts = np.clip(starts, 0, np.maximum(0, options.days * DAY_SECONDS - 1 - lasts))
    rows = np.empty(len(owner), dtype=SPILL_ROW)
    # Only a session longer than the whole log can still run past its end.
    rows["second"] = np.minimum(starts[session] + elapsed, options.days * DAY_SECONDS - 1)
    product = draw_products(rng, customers, owner, begin, rows["second"] // DAY_SECONDS, shop)
    seen = np.maximum.accumulate(np.where(kind == VIEW, np.arange(len(owner)), 0))
    rows["kind"], rows["product"] = kind, product[seen]  # carted is what was viewed just before
    rows["customer"], rows["session"] = owner + begin, (begin << 32) + session
    return rows


def spill(options: Options, shop: Catalogue, folder: Path) -> Array:
    """First pass: append each block's rows to the files of their days; return the types."""
    copies = round(options.events * options.duplicates)
    types, counts = make_crowd(options, options.events - copies)
    reach = np.concatenate([[0], np.cumsum(counts)])
    begin = 0
    while begin < options.customers:
        full = int(np.searchsorted(reach, reach[begin] + BLOCK_EVENTS, side="right")) - 1
        end = max(begin + 1, full)
        rows = draw_block(options, shop, types[begin:end], counts[begin:end], begin)
        due = copies * reach[[begin, end]] // reach[-1]
        copied = generator(options.seed, 3, begin).integers(0, len(rows), due[1] - due[0])
        rows = np.concatenate([rows, rows[copied]])
        rows = rows[np.argsort(rows["second"], kind="stable")]
        cuts = np.searchsorted(rows["second"], np.arange(options.days + 1) * DAY_SECONDS)
        for day in range(options.days):
            with (folder / str(day)).open("ab") as file:
                file.write(rows[cuts[day] : cuts[day + 1]].tobytes())
        begin = end
    return types


def user_ids(customer: Array) -> Array:
    """Nine digits; the factor is coprime to the modulus, so no two customers share one."""
    return 200_000_000 + customer.astype(np.int64) * 104_729 % MAX_CUSTOMERS


def session_texts(session: Array, seed: int) -> pa.StringArray:
    """The session's number hashed to 128 bits, in the form of a UUID."""
    halves = np.stack([mix(session, seed), mix(session + 2**63, seed)], axis=1)
    digits = halves.astype(">u8").tobytes().hex().encode()
    dashed = np.frombuffer(digits, dtype=np.uint8).reshape(-1, 32)
    dashed = np.insert(dashed, [8, 12, 16, 20], ord("-"), axis=1)
    return pa.array(dashed.view("S36").ravel()).cast(pa.string())


def make_table(rows: Array, options: Options, shop: Catalogue) -> pa.Table:
    """The log's nine columns; price as a decimal, which CSV writes with both its places."""
    product = rows["product"].astype(np.int64)
    epoch = np.datetime64(options.start, "s").astype(np.int64)
    times = pa.array(epoch + rows["second"], pa.timestamp("s")).cast(pa.string())
    on_sale = shop.on_sale(product, rows["second"] // DAY_SECONDS)
    cents = np.where(on_sale, shop.sale_cents[product], shop.cents[product])
    words = pa.py_buffer(np.stack([cents, np.zeros_like(cents)], axis=1))  # low, high 64 bits
    arrays = [
        pc.binary_join_element_wise(times, "UTC", " "),
        pa.array(KINDS).take(pa.array(rows["kind"])),
        pa.array(1_000_000 + product * 7_919 % 59_000_000),
        pa.array(2_053_013_552_259_662_037 + shop.category[product] * 8_388_617_003),
        shop.code.take(pa.array(product)),
        shop.brand.take(pa.array(product)),
        pa.Array.from_buffers(pa.decimal128(12, 2), len(rows), [None, words]),
        pa.array(user_ids(rows["customer"])),
        session_texts(rows["session"], options.seed),
    ]
    return pa.table(arrays, names=list(COLUMNS))


def day_tables(options: Options, shop: Catalogue, path: Path) -> Iterator[pa.Table]:
    """Second pass: one day's rows in time order, in pieces; the spilled file goes."""
    rows = np.fromfile(path, dtype=SPILL_ROW)
    path.unlink()
    rows = rows[np.argsort(rows["second"], kind="stable")]
    for begin in range(0, len(rows), WRITE_ROWS):
        yield make_table(rows[begin : begin + WRITE_ROWS], options, shop)


def write_csv(path: Path, names: Iterable[str], tables: Iterable[pa.Table]) -> None:
    """One header and all rows, unquoted; a null is an empty field."""
    style = pa_csv.WriteOptions(include_header=False, quoting_style="none")
    with path.open("wb") as file:
        file.write((",".join(names) + "\n").encode())
        for table in tables:
            pa_csv.write_csv(table, file, style)


def write_sqlite(path: Path, tables: Iterable[pa.Table]) -> None:
    """Table Ecommerce_data, its rows in the order given."""
    connection = sqlite3.connect(path, isolation_level=None)
    # A half-written file is thrown away, so a journal would only cost time.
    connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"CREATE TABLE Ecommerce_data ({columns})")
    insert = f"INSERT INTO Ecommerce_data VALUES ({', '.join('?' * len(COLUMNS))})"
    connection.execute("BEGIN")
    for table in tables:
        price = list(COLUMNS).index("price")
        table = table.set_column(price, "price", table["price"].cast(pa.float64()))
        connection.executemany(insert, zip(*(c.to_pylist() for c in table.columns), strict=True))
    connection.execute("COMMIT")
    connection.close()


def generate(options: Options) -> None:
    """Write truth and log; the log is moved to its place when whole, so no half log is left."""
    shop = make_catalogue(options.seed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.truth.parent.mkdir(parents=True, exist_ok=True)
    # The spill takes 21 bytes an event: not in /tmp, which may be small or in memory.
    with tempfile.TemporaryDirectory(dir=options.out.parent, prefix=".events-") as folder:
        types = spill(options, shop, Path(folder))
        days = [day_tables(options, shop, Path(folder, str(day))) for day in range(options.days)]
        log = Path(folder, "log")
        if options.out.suffix == ".db":
            write_sqlite(log, (table for day in days for table in day))
        elif options.out.suffix == ".csv":
            write_csv(log, COLUMNS, (table for day in days for table in day))
        else:
            log.mkdir()
            for number, day in enumerate(days):
                date = options.start + dt.timedelta(days=number)
                write_csv(log / f"{date}.csv", COLUMNS, day)
        ids, names = user_ids(np.arange(len(types))), pa.array(list(TYPES)).take(pa.array(types))
        truth = pa.table({"customer_id": ids, "planted_type": names})
        write_csv(options.truth, truth.column_names, [truth])
        log.replace(options.out)


def parse_arguments(arguments: Sequence[str] | None = None) -> Options:
    """Read and check the command line; on a problem, say which and exit."""
    parser = argparse.ArgumentParser(
        description="Write a synthetic shop log in REES46's columns, with planted customer types."
    )
    add = parser.add_argument
    add("--events", type=int, default=1_000_000, help="rows in the log, exactly (%(default)s)")
    add("--customers", type=int, help="customers, each with an event or more (events / 6.85)")
    add("--days", type=int, default=60, help="length of the log (%(default)s)")
    add("--seed", type=int, default=7, help="same arguments, same log (%(default)s)")
    add("--start", type=dt.date.fromisoformat, default="2019-10-01", help="day one (%(default)s)")
    add("--duplicates", type=float, default=0.0003, help="share of repeated rows (%(default)s)")
    add("--out", type=Path, required=True, help=".db (SQLite), .csv, or a folder of daily CSVs")
    add("--truth", type=Path, help="planted types (default: <stem>_truth.csv beside the log)")
    options = parser.parse_args(arguments, namespace=Options())
    out = options.out = options.out.absolute()
    options.truth = (options.truth or out.with_name(f"{out.stem}_truth.csv")).absolute()
    if options.customers is None:
        options.customers = max(1, round(options.events / 6.85))
    most = min(MAX_CUSTOMERS, options.events - round(options.events * options.duplicates))
    for problem, message in (
        (options.events < 1, "--events must be at least 1"),
        (not 1 <= options.days <= MAX_DAYS, f"--days must be between 1 and {MAX_DAYS}"),
        (options.seed < 0, "--seed must not be negative"),
        (not 0 <= options.duplicates <= 0.5, "--duplicates must be a share from 0 to 0.5"),
        (not 1 <= options.customers <= most, f"--customers must be between 1 and {most}"),
        (out.suffix not in (".db", ".csv", ""), f"--out: {out.suffix!r} is not .db or .csv"),
        (out.suffix and out.is_dir(), f"--out: {out} is a folder"),
        (not out.suffix and out.is_file(), f"--out: {out} is a file, not a folder"),
        (out.is_dir() and any(out.iterdir()), f"--out: {out} is not empty"),
        (options.truth == out, "--truth and --out are the same file"),
    ):
        if problem:
            parser.error(message)
    return options


if __name__ == "__main__":
    generate(parse_arguments())
