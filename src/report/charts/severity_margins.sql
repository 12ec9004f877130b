SELECT family, param, questions, instances, margin, delta_margin, dense_rank() OVER (ORDER BY place) AS panel
FROM ladders
WHERE delta_margin IS NOT NULL
ORDER BY place, param
