-- Removes where a person stands in forms, and what is entered in their private chats, for good.
--
-- A state is never deleted_at, but expires: expired ones go as well.
--
-- telegram_user_id  bigint   Telegram's id of the person, and of the chats
-- returns           boolean  0.. rows, each TRUE
DELETE FROM states
WHERE :'telegram_user_id' IN (telegram_user_id, telegram_chat_id)
RETURNING TRUE AS erased;
