WITH listed AS (
  -- Families and pools; that of all variants only where it is not that of the core ones.
  SELECT p.family, min(p.place) AS place
  FROM pools p JOIN variant v USING (variant)
  GROUP BY p.family
  HAVING p.family <> 'any (all)' OR NOT bool_and(v.core)
)
SELECT family, channel, value AS hidden_percent, low, high, images,
       dense_rank() OVER (ORDER BY channel_rank(channel), channel) AS panel
FROM intervals JOIN listed USING (family)
WHERE quantity = 'hidden_percent' AND NOT ends_with(channel, '.normed') AND value IS NOT NULL
ORDER BY place, panel
