WITH measured AS (
  SELECT item, variant, value,
         CASE metric WHEN 'cross_coherence_change' THEN 'across bands' ELSE 'within a band' END AS kind,
         CASE metric WHEN 'cross_coherence_change' THEN 'low and high' ELSE regexp_extract(metric, '[a-z]+$') END AS band
  FROM measurement
  WHERE channel = 'vision' AND value IS NOT NULL
    AND metric IN ('coherence_low', 'coherence_middle', 'coherence_high', 'cross_coherence_change')
)
SELECT l.family, m.kind, m.band, count(*) AS instances,
       quantile_cont(m.value, 0.25) AS p25, median(m.value) AS median, quantile_cont(m.value, 0.75) AS p75
FROM measured m JOIN instances n USING (item, variant) JOIN pools p USING (variant) JOIN listed l ON l.family = p.family
GROUP BY l.place, l.family, m.kind, m.band
ORDER BY l.place, m.kind DESC, list_position(['low', 'middle', 'high'], m.band)
