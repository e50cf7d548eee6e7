-- As many customers as the run's own profile of the segment says.
with counted as (

    select segment_id, segment_name, date(max(prediction_timestamp)) as run_date,
        count(*) as customers
    from {{ ref('customer_segments') }}
    group by segment_id, segment_name

)

select counted.*
from counted
left join {{ source('custseg', 'segment_profiles') }} as profiles
    on counted.run_date = profiles.run_date
    and counted.segment_id = profiles.segment_id
    and counted.segment_name = profiles.segment_name
    and profiles.algorithm = '{{ var("algorithm") }}'
where profiles.customers is null or counted.customers != profiles.customers
