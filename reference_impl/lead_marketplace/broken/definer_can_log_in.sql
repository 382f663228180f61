-- title:     A function runs with the rights of the role that deployed it
-- class:     definer_can_log_in
-- operation: add_workspace_credits
-- hurts:     everybody: a mistake in the function opens all that this role may do, and it may log in
-- caught-by: lint definer_can_log_in

alter function lead_marketplace.add_workspace_credits(uuid, numeric, text, uuid) owner to current_user;
