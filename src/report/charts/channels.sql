SELECT family, channel, value AS hidden_percent, low, high, images,
       dense_rank() OVER (ORDER BY channel_rank(channel), channel) AS panel
FROM intervals JOIN listed USING (family)
WHERE quantity = 'hidden_percent' AND NOT ends_with(channel, '.normed') AND value IS NOT NULL
ORDER BY place, panel
