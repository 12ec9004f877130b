WITH listed AS (
  -- Families and pools; that of all variants only where it is not that of the core ones.
  SELECT p.family, min(p.place) AS place
  FROM pools p JOIN variant v USING (variant)
  GROUP BY p.family
  HAVING p.family <> 'any (all)' OR NOT bool_and(v.core)
), whole AS (
  -- The row of the whole benchmark; a category may be called the same.
  SELECT * FROM accuracy WHERE category = 'all' AND yes_no > 0
  QUALIFY row_number() OVER (PARTITION BY family ORDER BY instances DESC) = 1
), rated AS (
  SELECT * FROM (SELECT family, yes_no, precision, recall, FPR, yes_rate FROM whole)
  UNPIVOT (value FOR measure IN (precision, recall, FPR, yes_rate))
), bounded AS (
  -- Recall is 1 − FNR, so its change is that of FNR with the other sign.
  SELECT family, 'FPR' AS measure, low, high FROM intervals WHERE quantity = 'delta_FPR'
  UNION ALL
  SELECT family, 'recall', -high, -low FROM intervals WHERE quantity = 'delta_FNR'
)
SELECT r.family, r.measure, r.value - c.value AS shift, b.low, b.high, c.value AS clean, r.value AS perturbed, r.yes_no,
       list_position(['precision', 'recall', 'FPR', 'yes_rate'], r.measure) AS panel
FROM rated r JOIN rated c ON c.family = 'clean' AND c.measure = r.measure
JOIN listed l ON l.family = r.family
LEFT JOIN bounded b ON b.family = r.family AND b.measure = r.measure
ORDER BY l.place, panel
