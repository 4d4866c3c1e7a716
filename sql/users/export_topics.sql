-- The topics of a chat in which a person has live messages; 0 is outside topics.
--
-- chat_id  bigint  botcore's id of the chat
-- user_id  bigint  botcore's id of the person
-- returns  bigint  0.. rows: the topics' ids, message_thread_id
SELECT DISTINCT message_thread_id
FROM messages
WHERE chat_id = :'chat_id'
  AND user_id = :'user_id'
  AND deleted_at IS NULL
ORDER BY message_thread_id;
