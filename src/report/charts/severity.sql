SELECT family, param, questions, instances, flips, IFR, dense_rank() OVER (ORDER BY place) AS panel
FROM ladders
ORDER BY place, param
