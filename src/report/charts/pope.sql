WITH shifted AS (
  -- Recall is 1 − FNR, so its change is that of FNR with the other sign.
  SELECT family, 'recall' AS measure, 0 - value AS shift, 0 - high AS low, 0 - low AS high FROM intervals WHERE quantity = 'delta_FNR'
  UNION ALL
  SELECT family, substr(quantity, 7), value, low, high FROM intervals
  WHERE quantity IN ('delta_precision', 'delta_FPR', 'delta_yes_rate')
), perturbed AS (
  SELECT family, quantity AS measure, value FROM intervals
)
SELECT s.family, s.measure, s.shift, s.low, s.high, p.value - s.shift AS clean, p.value AS perturbed,
       list_position(['precision', 'recall', 'FPR', 'yes_rate'], s.measure) AS panel
FROM shifted s JOIN perturbed p USING (family, measure) JOIN listed l USING (family)
WHERE s.shift IS NOT NULL
ORDER BY l.place, panel
