/* Laws of invitations: any text is read or refused; what is read is printed as it was. */
#include "format/invitation.h"
#include "tests/law/signed.h"

#include <stdio.h>

void law_invitation(const uint8_t *bytes, size_t size);

void
law_invitation(const uint8_t *bytes, size_t size)
{
	struct ep_invitation invitation = { 0 };
	struct ep_invitation again = { 0 };
	char text[EP_INVITATION_TEXT];
	struct ep_text given = { (const char *)bytes, size };
	if (ep_invitation_parse(&invitation, given, NULL) == EP_OK) {
		ep_invitation_print(text, &invitation);
		must(memmem(bytes, size, text, strlen(text)) != NULL);
	}
	invitation = (struct ep_invitation){ .key = test_keys().key };
	snprintf(invitation.url, sizeof invitation.url, "http://host:%zu/", size);
	snprintf(invitation.name, sizeof invitation.name, "slave");
	memcpy(invitation.secret, bytes, size < EP_SECRET_SIZE ? size : EP_SECRET_SIZE);
	ep_invitation_print(text, &invitation);
	must_equal(ep_invitation_parse(&again, ep_text_of(text), NULL), EP_OK);
	must(memcmp(&invitation, &again, sizeof again) == 0);
	/* A digit that was misread is found out. */
	size_t at = strlen(text) - 1 - size % (2 * EP_SECRET_SIZE + 2 * EP_KEY_SIZE);
	text[at] = text[at] == '0' ? '1' : '0';
	must(ep_invitation_parse(&again, ep_text_of(text), NULL) != EP_OK);
}
