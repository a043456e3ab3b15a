import { LabIcon } from '@jupyterlab/ui-components';

/** A picture behind a lock; `jp-icon3` gives it the colour of the theme. */
export const accessIcon = new LabIcon({
  name: 'gt_secure:access',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" aria-hidden="true">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M3 4h14a1 1 0 0 1 1 1v5.1a5 5 0 0 0-2 .4V6H4v9.2l3.2-3.4 2.6 2.6 1.7-1.6 1 1V19H3a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1z"/>
    <circle cx="12.8" cy="8.8" r="1.6"/>
    <path d="M18 11.4a2.9 2.9 0 0 0-2.9 2.9V16H14v5h8v-5h-1.100v-1.700a2.9 2.9 0 0 0-2.9-2.9zm0 1.600a1.300 1.300 0 0 1 1.300 1.300V16h-2.600v-1.700a1.300 1.300 0 0 1 1.300-1.300z"/>
  </g>
</svg>`
});
