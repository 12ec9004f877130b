SELECT family, channel, auroc, low, high, instances, flips, images,
       dense_rank() OVER (ORDER BY channel_rank(channel), channel) AS panel
FROM auroc JOIN listed USING (family)
WHERE NOT ends_with(channel, '.normed') AND auroc IS NOT NULL
ORDER BY place, panel
