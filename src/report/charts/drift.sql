WITH main AS (
  SELECT channel FROM controls WHERE NOT is_layer(channel)
  ORDER BY channel <> 'ctx_mcq', channel_rank(channel), channel LIMIT 1
), moved AS (
  SELECT l.place, l.family, if(d.flip, 'flipped', 'kept') AS answer, 100 * d.drift / nullif(c.mean_cd, 0) AS percent
  FROM drifts d JOIN main USING (channel) JOIN controls c USING (channel) JOIN pools p USING (variant) JOIN listed l USING (family)
  UNION ALL
  SELECT -2, 'other questions, mean', 'control', 100 * i.mean_distance / nullif(c.mean_cd, 0)
  FROM control_items i JOIN main USING (channel) JOIN controls c USING (channel)
  UNION ALL
  SELECT -1, 'same question, other image', 'control', 100 * m.value / nullif(c.mean_cd, 0)
  FROM measurement m JOIN variant v USING (variant) JOIN main USING (channel) JOIN controls c USING (channel)
  WHERE v.role = 'control' AND m.metric = 'cosine_distance'
)
SELECT family, answer, count(*) AS instances,
       quantile_cont(percent, 0.05) AS p5, quantile_cont(percent, 0.25) AS p25, median(percent) AS median,
       quantile_cont(percent, 0.75) AS p75, quantile_cont(percent, 0.95) AS p95,
       if(answer = 'flipped', 2, 1) AS lane, (SELECT channel FROM main) AS channel
FROM moved WHERE percent IS NOT NULL
GROUP BY place, family, answer
ORDER BY place, answer DESC
