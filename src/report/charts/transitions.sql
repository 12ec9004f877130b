WITH changed AS (
  SELECT l.place, l.family,
         CASE WHEN n.RR THEN 'R→R' WHEN n.RW THEN 'R→W' WHEN n.WR THEN 'W→R' WHEN n.WW THEN 'W→W' ELSE 'unjudged' END AS transition
  FROM instances n JOIN pools p USING (variant) JOIN listed l ON l.family = p.family
), counted AS (
  SELECT place, family, transition, count(*) AS instances FROM changed GROUP BY place, family, transition
)
SELECT family, transition, instances, instances / sum(instances) OVER (PARTITION BY family) AS share
FROM counted
ORDER BY place, transition
