SELECT l.family, if(d.flip, 'flipped', 'kept') AS answer, count(*) AS instances,
       quantile_cont(d.delta_dirichlet, 0.05) AS p5, quantile_cont(d.delta_dirichlet, 0.25) AS p25,
       median(d.delta_dirichlet) AS median,
       quantile_cont(d.delta_dirichlet, 0.75) AS p75, quantile_cont(d.delta_dirichlet, 0.95) AS p95,
       if(answer = 'flipped', 2, 1) AS lane
FROM drifts d JOIN pools p USING (variant) JOIN listed l USING (family)
WHERE d.channel = 'vision' AND d.delta_dirichlet IS NOT NULL
GROUP BY l.place, l.family, answer
ORDER BY l.place, answer DESC
