WITH listed AS (
  -- Families and pools; that of all variants only where it is not that of the core ones.
  SELECT p.family, min(p.place) AS place
  FROM pools p JOIN variant v USING (variant)
  GROUP BY p.family
  HAVING p.family <> 'any (all)' OR NOT bool_and(v.core)
)
SELECT family, channel, auroc, low, high, instances, flips, images,
       dense_rank() OVER (ORDER BY channel_rank(channel), channel) AS panel
FROM auroc JOIN listed USING (family)
WHERE NOT ends_with(channel, '.normed') AND auroc IS NOT NULL
ORDER BY place, panel
