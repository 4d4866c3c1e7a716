-- Makes the table of one transaction into which a batch of messages is copied on its way to messages.
--
-- It is nobody else's to see, neither logged nor dumped, and gone with the transaction. Each row gets the id that its
-- message will have: ids follow the order in which rows are given, and a reply finds a message of the same batch. There
-- is no deleted_at: nothing is deleted before it is stored.
--
-- returns  nothing
CREATE TEMP TABLE copy_in_stage (
    id bigint NOT NULL DEFAULT nextval('messages_id_seq'),
    chat_id bigint NOT NULL,
    user_id bigint,
    role text NOT NULL,
    content text NOT NULL,
    sent_at timestamptz NOT NULL,
    kind text NOT NULL,
    message_thread_id bigint NOT NULL,
    telegram_chat_id bigint,
    telegram_message_id bigint,
    reply_to_message_id bigint,
    reply_to_id bigint,
    media_group_id text,
    sender_chat_id bigint,
    forward_date timestamptz,
    edited_at timestamptz,
    delivery text
) ON COMMIT DROP;
