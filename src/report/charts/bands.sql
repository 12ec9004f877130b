WITH changed AS (
  SELECT item, variant, metric, value AS change FROM measurement WHERE channel = 'vision' AND starts_with(metric, 'token_change_')
  UNION ALL
  SELECT m.item, m.variant, m.metric, m.value / nullif(c.value, 0) - 1
  FROM measurement m JOIN measurement c ON c.item = m.item AND c.variant = 0 AND c.channel = m.channel AND c.metric = m.metric
  WHERE m.channel = 'image' AND m.metric IN ('input_low', 'input_middle', 'input_high')
)
SELECT l.family, if(starts_with(c.metric, 'input'), 'image', 'vision tokens') AS field, regexp_extract(c.metric, '[a-z]+$') AS band,
       count(*) AS instances,
       quantile_cont(c.change, 0.25) AS p25, median(c.change) AS median, quantile_cont(c.change, 0.75) AS p75
FROM changed c JOIN instances n USING (item, variant) JOIN pools p USING (variant) JOIN listed l ON l.family = p.family
WHERE c.change IS NOT NULL
GROUP BY l.place, l.family, field, band
ORDER BY l.place, field, list_position(['low', 'middle', 'high'], band)
