-- POPE, original files (Li et al. 2023): {"question_id": 1, "image": "COCO_val2014_….jpg", "text": "Is there …?", "label": "yes"}.
-- The split stands in the file's name alone, and every split counts its questions from 1.
SELECT row,
       concat_ws('/', nullif(split, ''), question_id) AS id,
       image[1] AS image_id,
       split AS category,
       text AS question,
       label AS answer,
       image AS images,
       image_bytes
FROM (SELECT *, regexp_extract(file, '(^|_)(random|popular|adversarial)[.][^.]*$', 2) AS split FROM source)
