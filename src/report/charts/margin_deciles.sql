SELECT decile, margin_from, margin_to, questions, instances, flips, IFR
FROM flips_by_margin
WHERE family = (SELECT pool FROM overview)
ORDER BY decile
