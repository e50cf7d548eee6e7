-- All rows are of one run.
select count(distinct prediction_timestamp) as timestamps
from {{ ref('customer_segments') }}
having count(distinct prediction_timestamp) != 1
    or max(prediction_timestamp) != date_trunc('day', max(prediction_timestamp))
