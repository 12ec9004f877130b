WITH measured AS (
  SELECT min(v.variant) OVER (PARTITION BY p.family) AS place, v.variant AS number, p.*
  FROM populations p JOIN variant v ON v.name = p.variant AND v.family = p.family
  WHERE v.role = 'perturbation' AND p.channel IN ('vision', 'ctx_mcq') AND p.value IS NOT NULL
)
SELECT family, variant, channel,
       CASE metric WHEN 'linear_cka' THEN 'linear CKA' WHEN 'mutual_knn' THEN 'mutual k-NN' ELSE metric END AS metric,
       value, items, dense_rank() OVER (ORDER BY channel_rank(channel), channel) AS panel
FROM measured
ORDER BY place, number, panel, metric
