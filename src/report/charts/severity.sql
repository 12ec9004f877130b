WITH rising AS (
  SELECT *, count(*) OVER (PARTITION BY family) AS params FROM severity WHERE family NOT IN ('keep_low', 'keep_high', 'scale_pad')
), placed AS (
  SELECT family, min(variant) AS place FROM variant GROUP BY family
)
SELECT family ||
       CASE WHEN family IN ('translation', 'translation_vertical', 'pad_crop') THEN ', px'
            WHEN family = 'rotation' THEN ', °'
            WHEN family = 'blur' THEN ', σ in px'
            WHEN family = 'gaussian_noise' THEN ', σ in levels'
            WHEN family = 'occlusion' THEN ', % of the area'
            WHEN family = 'jpeg' THEN ', quality'
            WHEN family IN ('scale', 'brightness', 'contrast') THEN ', factor'
            WHEN starts_with(family, 'band_noise') OR starts_with(family, 'signs') THEN ', ε in 1/255'
            ELSE '' END AS family,
       param, questions, instances, flips, IFR, dense_rank() OVER (ORDER BY place) AS panel
FROM rising JOIN placed USING (family)
WHERE params > 1
ORDER BY place, param
