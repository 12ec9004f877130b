WITH facts AS (
  SELECT any_value(value) FILTER (key = 'model')      AS model,
         any_value(value) FILTER (key = 'model file') AS file,
         any_value(value) FILTER (key = 'engine')     AS engine,
         any_value(value) FILTER (key = 'dataset')    AS dataset
  FROM identity
), named AS (
  -- Engines name a model with its size: "qwen3vl 2.9M F16", "llava-onevision-qwen2-7b-ov".
  SELECT coalesce(regexp_extract(nullif(file, 'default'), '^(?:.*/|bundled:)?(.*?)(?:\.gguf)?$', 1), model, engine) AS name, regexp_extract(dataset, '[^/]*$') AS benchmark,
         regexp_extract(model, '(?i)(?:^|[^0-9a-z.])([0-9]+(?:\.[0-9]+)?) ?([kmbt])(?:[^0-9a-z]|$)', ['number', 'unit']) AS size
  FROM facts
), main AS (
  SELECT channel FROM controls WHERE NOT is_layer(channel)
  ORDER BY channel <> 'ctx_mcq', channel_rank(channel), channel LIMIT 1
), pool AS (
  SELECT family FROM pools WHERE starts_with(family, 'any (') ORDER BY family = 'any (all)' LIMIT 1
), estimated AS (
  SELECT 1 AS place, 'accuracy, clean' AS measure, * FROM intervals WHERE quantity = 'accuracy' AND family = 'clean'
  UNION ALL
  SELECT 2, 'IFR', i.* FROM intervals i JOIN pool USING (family) WHERE quantity = 'IFR'
  UNION ALL
  SELECT 3, 'IV', i.* FROM intervals i JOIN pool USING (family) WHERE quantity = 'IV'
  UNION ALL
  SELECT 4, 'hidden drift ÷ control', i.* REPLACE (i.value / 100 AS value, i.low / 100 AS low, i.high / 100 AS high)
  FROM intervals i JOIN pool USING (family) JOIN main USING (channel) WHERE quantity = 'hidden_percent'
)
SELECT n.name AS model, n.benchmark,
       TRY_CAST(n.size.number AS DOUBLE)
         * CASE lower(n.size.unit) WHEN 'k' THEN 1e3 WHEN 'm' THEN 1e6 WHEN 'b' THEN 1e9 WHEN 't' THEN 1e12 END AS parameters,
       e.measure, e.family, e.channel, e.value, e.low, e.high, e.images, e.place AS panel
FROM named n, estimated e
WHERE e.value IS NOT NULL
ORDER BY e.place
