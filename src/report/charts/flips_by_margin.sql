SELECT family, decile, margin_from, margin_to, questions, instances, flips, IFR, dense_rank() OVER (ORDER BY place) AS panel
FROM flips_by_margin JOIN listed USING (family)
ORDER BY place, decile
