WITH changed AS (
  SELECT l.place, l.family, n.item, n.variant, n.margin, n.margin - n.delta_margin AS margin_clean,
         CASE WHEN n.RR THEN 'R→R' WHEN n.RW THEN 'R→W' WHEN n.WR THEN 'W→R' WHEN n.WW THEN 'W→W' END AS transition
  FROM instances n JOIN pools p USING (variant) JOIN listed l ON l.family = p.family
  WHERE n.delta_margin IS NOT NULL
), averaged AS (
  SELECT place, family, transition, count(*) AS instances,
         avg(margin_clean ORDER BY item, variant) AS margin_clean, avg(margin ORDER BY item, variant) AS margin
  FROM changed WHERE transition IS NOT NULL GROUP BY place, family, transition
)
SELECT family, transition, unnest(['clean', 'perturbed']) AS image, instances, margin_clean, margin AS margin_perturbed,
       unnest([margin_clean, margin]) AS margin
FROM averaged
ORDER BY place, transition, image
