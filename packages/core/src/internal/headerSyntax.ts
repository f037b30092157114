/** What HTTP lets a header hold. */

/** Whether it may be the name of a header, or another token. @see RFC 9110 section 5.6.2 */
export const isToken = (text: string): boolean => token.test(text)

/** Whether it may be the value of a header: nothing in it ends a header and begins another. @see RFC 9110 section 5.5 */
export const isValue = (text: string): boolean => !forbidden.test(text)

export const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const forbidden = /[^\t\x20-\x7e\x80-\xff]/
