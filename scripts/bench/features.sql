-- From a table `events` (the CSV, its session ids hashed, money in cents, `record` a hash of all
-- columns) to `features`, one row a customer as of the day after the last event.

-- Exact copies once. To look for them by two numbers is cheaper than DISTINCT over all columns.
CREATE TEMP TABLE copies AS
SELECT user_id, record, min(rowid) AS first_row FROM events
GROUP BY user_id, record HAVING count(*) > 1;

DELETE FROM events USING copies
WHERE
    events.user_id = copies.user_id AND events.record = copies.record
    AND events.rowid > copies.first_row;

SET VARIABLE as_of = (SELECT (max(day) + 1) * 86400::BIGINT FROM events);

CREATE TEMP TABLE customers AS
WITH levels AS (
    SELECT category_id, avg(log_price) AS level FROM events
    WHERE category_id IS NOT NULL GROUP BY ALL
)
SELECT
    user_id,
    count(*) AS event_count,
    count(*) FILTER (event_type = 'view') AS view_count,
    count(*) FILTER (event_type = 'cart') AS cart_count,
    count(*) FILTER (event_type = 'purchase') AS purchase_count,
    min(second) AS first_second,
    max(second) AS last_second,
    max(second) FILTER (event_type = 'purchase') AS last_purchase,
    coalesce(sum(cents) FILTER (event_type = 'purchase'), 0)::BIGINT AS spent,
    count(*) FILTER (hour >= 18) AS evening_events,
    -- Day 0 was a Thursday.
    count(*) FILTER ((day + 3) % 7 >= 5) AS weekend_events,
    avg(cents) FILTER (event_type = 'view') / 100 AS avg_viewed_price,
    avg(cents) FILTER (event_type = 'purchase') / 100 AS avg_purchased_price,
    coalesce(stddev_pop(cents) FILTER (event_type = 'view'), 0) / 100 AS price_stddev,
    max(cents) FILTER (event_type = 'view') / 100 AS max_viewed_price,
    avg(log_price) - avg(level) AS relative_price,
    count(*) FILTER (in_30d) AS events_30d,
    count(*) FILTER (in_30d AND event_type = 'purchase') AS purchases_30d,
    coalesce(sum(cents) FILTER (in_30d AND event_type = 'purchase'), 0) / 100 AS spend_30d,
    count(*) FILTER (in_90d) AS events_90d,
    count(*) FILTER (in_90d AND event_type = 'purchase') AS purchases_90d,
    coalesce(sum(cents) FILTER (in_90d AND event_type = 'purchase'), 0) / 100 AS spend_90d,
    count(*) FILTER (in_365d) AS events_365d,
    count(*) FILTER (in_365d AND event_type = 'purchase') AS purchases_365d,
    coalesce(sum(cents) FILTER (in_365d AND event_type = 'purchase'), 0) / 100 AS spend_365d
FROM (
    SELECT
        *,
        second >= getvariable('as_of') - 30 * 86400 AS in_30d,
        second >= getvariable('as_of') - 90 * 86400 AS in_90d,
        second >= getvariable('as_of') - 365 * 86400 AS in_365d
    FROM events LEFT JOIN levels USING (category_id)
)
GROUP BY user_id;

CREATE TEMP TABLE visits AS
SELECT
    user_id,
    count(*) AS session_count,
    count(*) FILTER (has_purchase) AS frequency,
    avg(last_second - first_second) AS session_duration_mean_s,
    count(*) FILTER (events = 1) AS bounced,
    count(*) FILTER (has_cart) AS cart_sessions,
    count(*) FILTER (has_cart AND NOT has_purchase) AS abandoned,
    max(first_second) AS last_start
FROM (
    SELECT
        user_id,
        min(second) AS first_second,
        max(second) AS last_second,
        count(*) AS events,
        bool_or(event_type = 'cart') AS has_cart,
        bool_or(event_type = 'purchase') AS has_purchase
    FROM events GROUP BY user_id, session
)
GROUP BY user_id;

-- A customer's distinct keys, each by two plain aggregations.
CREATE TEMP TABLE products AS
SELECT user_id, count(*) AS product_count
FROM (SELECT DISTINCT user_id, product_id FROM events)
GROUP BY user_id;

CREATE TEMP TABLE categories AS
SELECT
    user_id, count(*) AS category_count, max(n) / sum(n) AS top_category_share,
    ln(sum(n)) - sum(n * ln(n)) / sum(n) AS category_entropy
FROM (
    SELECT user_id, count(*) AS n FROM events
    WHERE category_id IS NOT NULL GROUP BY user_id, category_id
)
GROUP BY user_id;

CREATE TEMP TABLE brands AS
SELECT user_id, count(*) AS brand_count, max(n) / sum(n) AS top_brand_share
FROM (SELECT user_id, count(*) AS n FROM events WHERE brand IS NOT NULL GROUP BY user_id, brand)
GROUP BY user_id;

CREATE TEMP TABLE hours AS
SELECT
    user_id, 23 - max(n * 24 + 23 - hour) % 24 AS peak_hour,
    ln(sum(n)) - sum(n * ln(n)) / sum(n) AS hour_entropy
FROM (SELECT user_id, hour, count(*) AS n FROM events GROUP BY ALL)
GROUP BY user_id;

CREATE TEMP TABLE days AS
SELECT user_id, count(*) AS active_days, count(*) FILTER (buys) AS purchase_days
FROM (
    SELECT user_id, bool_or(event_type = 'purchase') AS buys FROM events GROUP BY user_id, day
)
GROUP BY user_id;

DROP TABLE events;

CREATE TEMP TABLE scores AS
WITH places AS (
    SELECT
        user_id, count(*) OVER () AS buyers,
        rank() OVER (ORDER BY (getvariable('as_of') - last_purchase) // 86400 DESC) - 1 AS r,
        rank() OVER (ORDER BY frequency) - 1 AS f,
        rank() OVER (ORDER BY spent) - 1 AS m
    FROM customers JOIN visits USING (user_id)
    WHERE frequency > 0
)
SELECT
    user_id, 1 + 5 * r // buyers AS rfm_r, 1 + 5 * f // buyers AS rfm_f,
    1 + 5 * m // buyers AS rfm_m
FROM places;

-- In DuckDB a division by zero is no null.
CREATE TEMP TABLE features AS
WITH totals AS (
    SELECT
        *,
        spent / 100 AS monetary,
        last_second - first_second AS seen,
        getvariable('as_of') - first_second AS known
    FROM customers
    JOIN visits USING (user_id)
    JOIN products USING (user_id)
    JOIN hours USING (user_id)
    JOIN days USING (user_id)
    LEFT JOIN categories USING (user_id)
    LEFT JOIN brands USING (user_id)
    LEFT JOIN scores USING (user_id)
)
SELECT
    user_id AS customer_id,
    (getvariable('as_of') - last_purchase) // 86400 AS recency_days,
    frequency,
    monetary,
    coalesce(monetary / nullif(frequency, 0), 0) AS average_order_value,
    purchase_days,
    event_count, view_count, cart_count, purchase_count, session_count, active_days,
    known // 86400 AS days_since_first_event,
    (getvariable('as_of') - last_second) // 86400 AS days_since_last_event,
    seen / 86400 AS active_span_days,
    event_count / session_count AS events_per_session,
    session_duration_mean_s,
    bounced / session_count AS bounce_rate,
    cart_count / event_count AS cart_share,
    greatest(cart_count - purchase_count, 0) / event_count AS uncompleted_cart_share,
    coalesce(cart_count / nullif(view_count, 0), 0) AS view_to_cart_rate,
    coalesce(purchase_count / nullif(cart_count, 0), 0) AS cart_to_purchase_rate,
    coalesce(purchase_count / nullif(view_count, 0), 0) AS view_to_purchase_rate,
    coalesce(abandoned / nullif(cart_sessions, 0), 0) AS cart_abandonment_rate,
    event_count / active_days AS engagement_intensity,
    (coalesce(1 - 1 / nullif(frequency, 0), 0) + seen / known) / 2 AS loyalty_score,
    product_count,
    coalesce(category_count, 0) AS category_count,
    coalesce(brand_count, 0) AS brand_count,
    coalesce(product_count / nullif(view_count, 0), 0) AS exploration_ratio,
    coalesce(top_category_share, 0) AS top_category_share,
    coalesce(category_entropy, 0) AS category_entropy,
    coalesce(top_brand_share, 0) AS top_brand_share,
    peak_hour,
    hour_entropy,
    evening_events / event_count AS evening_share,
    weekend_events / event_count AS weekend_share,
    (last_start - first_second) / nullif(session_count - 1, 0) / 86400
        AS days_between_sessions_mean,
    events_30d, purchases_30d, spend_30d,
    events_90d, purchases_90d, spend_90d,
    events_365d, purchases_365d, spend_365d,
    avg_viewed_price,
    avg_purchased_price,
    avg_purchased_price / nullif(avg_viewed_price, 0) AS price_ratio,
    price_stddev,
    coalesce(price_stddev / nullif(avg_viewed_price, 0), 0) AS price_tolerance,
    max_viewed_price,
    relative_price,
    coalesce(rfm_r, 0) AS rfm_r,
    coalesce(rfm_f, 0) AS rfm_f,
    coalesce(rfm_m, 0) AS rfm_m,
    coalesce(rfm_r + rfm_f + rfm_m, 0) AS rfm_score,
    coalesce(
        getvariable('rfm_groups')[(rfm_r - 1) * 5 + (rfm_f + rfm_m + 1) // 2],
        getvariable('prospects')
    ) AS rfm_group
FROM totals;
