WITH listed AS (
  -- Families and pools; that of all variants only where it is not that of the core ones.
  SELECT p.family, min(p.place) AS place
  FROM pools p JOIN variant v USING (variant)
  GROUP BY p.family
  HAVING p.family <> 'any (all)' OR NOT bool_and(v.core)
)
SELECT family, decile, margin_from, margin_to, questions, instances, flips, IFR, dense_rank() OVER (ORDER BY place) AS panel
FROM flips_by_margin JOIN listed USING (family)
ORDER BY place, decile
