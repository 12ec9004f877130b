WITH listed AS (
  -- Families and pools; that of all variants only where it is not that of the core ones.
  SELECT p.family, min(p.place) AS place
  FROM pools p JOIN variant v USING (variant)
  GROUP BY p.family
  HAVING p.family <> 'any (all)' OR NOT bool_and(v.core)
)
SELECT family, i.value AS delta_accuracy, i.low, i.high, i.images, m.RW, m.WR, m.p, m.p_holm
FROM intervals i JOIN listed USING (family) LEFT JOIN mcnemar m USING (family)
WHERE i.quantity = 'delta_accuracy' AND i.value IS NOT NULL
ORDER BY place
