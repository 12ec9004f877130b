-- POPEv2: {"image_id": 310196, "image_name": "COCO_val2014_….jpg", "target_object": "snowboard", "query": "Is there …?",
-- "label": "Yes"}. It has no ids of its own for questions.
SELECT row,
       image_name[1] AS image_id,
       query AS question,
       label AS answer,
       image_name AS images,
       image_name_bytes AS image_bytes
FROM source
