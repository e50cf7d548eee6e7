-- Who bought has a last purchase, on a day before the run date; who never bought has none.
select customer_id, rfm_recency, rfm_frequency
from {{ ref('customer_segments') }}
where (rfm_frequency > 0) != (rfm_recency is not null) or rfm_recency < 0 or rfm_frequency < 0
