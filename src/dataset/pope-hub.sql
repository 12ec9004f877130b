-- POPE as lmms-eval reads it from the hub: the three splits in one table, each with its questions counted from 1.
SELECT row,
       category || '/' || question_id AS id,
       image_source AS image_id,
       category,
       question,
       answer,
       image AS images,
       image_bytes
FROM source
