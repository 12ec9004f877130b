WITH main AS (
  SELECT channel FROM controls WHERE NOT is_layer(channel)
  ORDER BY channel <> 'ctx_mcq', channel_rank(channel), channel LIMIT 1
), shown AS (
  SELECT p.family, min(p.place) AS place,
         CASE WHEN starts_with(p.family, 'any (') THEN 'pooled' WHEN bool_and(v.core) THEN 'core' ELSE 'other' END AS kind
  FROM pools p JOIN variant v USING (variant)
  GROUP BY p.family
  HAVING p.family <> 'any (all)' OR NOT bool_or(v.core)
), estimated AS (
  SELECT l.*, m.channel,
         f.value AS IFR, f.low AS IFR_low, f.high AS IFR_high,
         h.value AS hidden_percent, h.low AS hidden_low, h.high AS hidden_high
  FROM shown l, main m, intervals f, intervals h
  WHERE f.family = l.family AND f.quantity = 'IFR'
    AND h.family = l.family AND h.quantity = 'hidden_percent' AND h.channel = m.channel
    AND f.value IS NOT NULL AND h.value IS NOT NULL
), counted AS (
  SELECT family, sum(instances)::BIGINT AS instances, sum(flips)::BIGINT AS flips FROM question_flips GROUP BY family
), compared AS (
  SELECT *, coalesce(hidden_percent / nullif(max(hidden_percent) OVER (), 0), 0) + coalesce(IFR / nullif(max(IFR) OVER (), 0), 0) AS weight,
         ln(1 + hidden_percent) AS height,
         max(ln(1 + greatest(100, hidden_percent, hidden_high))) OVER () AS top
  FROM estimated
), scaled AS (
  -- Where a point lies on the logarithmic axis; the 20 that stand out most get a label.
  SELECT *, row_number() OVER (ORDER BY kind <> 'pooled', weight DESC, place) <= 20 AS labelled FROM compared
), ranked AS (
  SELECT *, row_number() OVER (ORDER BY height, place) * top / 21 AS rise FROM scaled WHERE labelled
), raised AS (
  -- Labels stand at the right margin, 1/21 of the height apart or more: each as high as its point, or above the label below …
  SELECT *, max(height - rise) OVER (ORDER BY height, place) + rise AS slot FROM ranked
), labels AS (
  -- … and none above the top.
  SELECT family, exp(min(least(slot, top) - rise) OVER (ORDER BY height DESC, place DESC) + rise) - 1 AS label_at FROM raised
)
SELECT family, kind, channel, IFR, IFR_low, IFR_high, hidden_percent, hidden_low, hidden_high, instances, flips, label_at
FROM estimated LEFT JOIN counted USING (family) LEFT JOIN labels USING (family)
ORDER BY place
