-- Questions for Metabase over an export to PostgreSQL: one native question each, by the name in its
-- first line. {{segment}} is a text variable, optional where it stands in [[ ]].

-- question: Segments compared
SELECT segment_id, segment, num_customers, customer_share, num_buyers, total_spend, avg_clv,
       avg_purchases, avg_spending_score
FROM segment_metrics
ORDER BY segment_id;

-- question: Revenue by month and segment
SELECT t.month, s.segment, sum(t.total_spend) AS revenue, sum(t.num_purchases) AS purchases
FROM customer_purchase_trends t
JOIN customer_segments s USING (customer_id)
WHERE true [[AND s.segment = {{segment}}]]
GROUP BY t.month, s.segment
ORDER BY t.month, s.segment;

-- question: Stores of a segment
SELECT t.store, count(*) AS customers, sum(t.total_spend) AS revenue
FROM customer_store_summary t
JOIN customer_segments s USING (customer_id)
WHERE true [[AND s.segment = {{segment}}]]
GROUP BY t.store
ORDER BY revenue DESC, t.store;

-- question: Customers of a segment, the most valuable first
SELECT customer_id, segment, clv, num_purchases, avg_purchase_amount, last_purchase_days_ago,
       rfm_group
FROM customer_segments
WHERE true [[AND segment = {{segment}}]]
ORDER BY clv DESC NULLS LAST, customer_id
LIMIT 1000;

-- question: RFM groups by segment
SELECT segment, rfm_group, count(*) AS customers
FROM customer_segments
GROUP BY segment, rfm_group
ORDER BY segment, customers DESC, rfm_group;

-- question: Spending score against recency
SELECT segment, width_bucket(spending_score, 0, 101, 10) * 10 AS score_up_to,
       count(*) AS customers, round(avg(last_purchase_days_ago), 1) AS mean_days_since_purchase
FROM customer_segments
WHERE num_purchases > 0
GROUP BY segment, score_up_to
ORDER BY segment, score_up_to;
