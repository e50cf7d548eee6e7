{{ config(location_root=var('location') or none) }}

with run as (

    select max(run_date) as run_date
    from {{ source('custseg', 'runs') }}
    {% if var('run_date') -%}
    where run_date = date '{{ var("run_date") }}'
    {%- endif %}

)

select
    segments.customer_id,
    segments.segment_id,
    segments.segment_name,
    features.recency_days as rfm_recency,
    features.frequency as rfm_frequency,
    features.monetary as rfm_monetary,
    segments.prediction_timestamp
from {{ source('custseg', 'customer_segments') }} as segments
inner join run
    on segments.run_date = run.run_date
left join {{ source('custseg', 'customer_features') }} as features
    on segments.run_date = features.run_date
    and segments.customer_id = features.customer_id
where segments.algorithm = '{{ var("algorithm") }}'
